//! How many rows go where.

use crate::errors::Error;

/// For each of `rows` places, the part that gets it.
///
/// The parts' sizes are exact, by largest remainder; each part's places are spread evenly over the whole range, so that
/// any run of consecutive places (a stratum) is shared out in proportion too. O(n log n).
pub(crate) fn deal(rows: usize, fractions: &[f64]) -> Result<Vec<usize>, Error> {
    let sizes = sizes(rows, fractions)?;
    let mut places: Vec<(f64, usize)> = Vec::with_capacity(rows);
    for (part, &size) in sizes.iter().enumerate() {
        places.extend((0..size).map(|i| ((i as f64 + 0.5) / size as f64, part)));
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(places.into_iter().map(|(_, part)| part).collect())
}

/// Whole numbers in proportion to the fractions, by largest remainder, that sum to `rows`.
fn sizes(rows: usize, fractions: &[f64]) -> Result<Vec<usize>, Error> {
    let total: f64 = fractions.iter().sum();
    let positive = fractions.iter().all(|&fraction| fraction > 0.0);
    if !positive || (total - 1.0).abs() > 1e-9 {
        return Err(Error::Fractions { fractions: fractions.to_vec() });
    }
    let quota = |part: usize| fractions[part] / total * rows as f64;
    // A quota that is whole but for rounding counts as whole.
    let mut sizes: Vec<usize> =
        (0..fractions.len()).map(|part| (quota(part) + 1e-9).floor() as usize).collect();
    let remainders: Vec<f64> =
        sizes.iter().enumerate().map(|(i, &n)| quota(i) - n as f64).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|&a, &b| remainders[b].total_cmp(&remainders[a]));
    let missing = rows.saturating_sub(sizes.iter().sum());
    for &part in by_remainder.iter().take(missing) {
        sizes[part] += 1;
    }
    match sizes.iter().position(|&size| size == 0) {
        Some(part) => Err(Error::EmptyPart { part, rows, fractions: fractions.to_vec() }),
        None => Ok(sizes),
    }
}
