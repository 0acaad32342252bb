//! How much of a computed number is rounding.

/// Points on a line on each side of the middle.
const SIDE: i32 = 8;

/// The standard deviation of a fourth difference of numbers with deviation 1, `√(1 + 16 + 36 + 16 + 1)`.
const FOURTH_DIFFERENCE: f64 = 8.37;

/// The median of the magnitude of a normal variable of deviation 1.
const MEDIAN: f64 = 0.6745;

/// The rounding errors, component by component, of a function that is smooth on the scale 1, near 0.
///
/// Of 17 equally spaced neighbours the fourth differences are rounding only (Hamming; Moré and Wild, "Estimating
/// computational noise", 2011). Their median is taken, so that a kink or a jump among the points does not count. Zero where a value is
/// missing: then nothing is known.
pub(crate) fn noise(f: impl Fn(f64) -> Option<Vec<f64>>, spacing: f64) -> Vec<f64> {
    let Some(rows) = (-SIDE..=SIDE).map(|j| f(f64::from(j) * spacing)).collect::<Option<Vec<_>>>()
    else {
        return Vec::new();
    };
    let components = rows.first().map_or(0, Vec::len);
    let component = |i: usize| {
        let difference = |row: &[Vec<f64>]| {
            (row[0][i] - 4.0 * row[1][i] + 6.0 * row[2][i] - 4.0 * row[3][i] + row[4][i]).abs()
        };
        let mut differences: Vec<f64> = rows.windows(5).map(difference).collect();
        differences.sort_by(f64::total_cmp);
        let median = differences[differences.len() / 2];
        if median.is_finite() { median / (FOURTH_DIFFERENCE * MEDIAN) } else { 0.0 }
    };
    (0..components).map(component).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_rounding_and_not_curvature_or_kinks() {
        let of = |f: &dyn Fn(f64) -> f64| noise(|t| Some(vec![f(t)]), 2e-5)[0];
        assert!(of(&|t| (1.0 + t).exp() + (3.0 * t).sin()) < 1e-15);
        assert!(of(&|t| t.abs()) < 1e-15);
        assert!(of(&|t| if t > 0.0 { 1.0 } else { t }) < 1e-15);
        // (1 − cos x)/x² near 1e-4 has only half its digits.
        let lossy = of(&|t| {
            let x = 1e-4 * (1.0 + t);
            (1.0 - x.cos()) / (x * x)
        });
        assert!((1e-10..1e-7).contains(&lossy), "{lossy:e}");
    }
}
