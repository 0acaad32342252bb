//! Looking for NaN and infinities.

use crate::number::{Loop, MulAdd, Real, simd};

/// Whether there is NaN among the elements.
pub(crate) fn has_nan<R: Real>(x: &[R]) -> bool {
    simd::run(HasNan(x))
}

struct HasNan<'a, R>(&'a [R]);

impl<R: Real> Loop for HasNan<'_, R> {
    type Output = bool;

    /// Without an early end, which would hinder vectorisation: there is hardly ever one.
    #[inline(always)]
    fn run<M: MulAdd>(self) -> bool {
        self.0.iter().fold(false, |found, x| found | x.is_nan())
    }
}

/// Whether all elements are finite.
pub(crate) fn all_finite<R: Real>(x: &[R]) -> bool {
    simd::run(AllFinite(x))
}

struct AllFinite<'a, R>(&'a [R]);

impl<R: Real> Loop for AllFinite<'_, R> {
    type Output = bool;

    #[inline(always)]
    fn run<M: MulAdd>(self) -> bool {
        self.0.iter().fold(true, |finite, x| finite & x.is_finite())
    }
}

/// Whether there may be NaN in products of m×n, one after the other, that did not come of sums of both infinities.
///
/// In a row without infinities and NaN there was none in the right factor, and in such a column none in the left one: then
/// all entries are sums of finite numbers. So the first row and the first column tell.
pub(crate) fn product_has_nan<R: Real>(products: &[R], [m, n]: [usize; 2]) -> bool {
    let tells = |y: &[R]| all_finite(&y[..n]) && y.iter().step_by(n).all(|x| x.is_finite());
    products.chunks_exact((m * n).max(1)).any(|y| !tells(y) && has_nan(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_among_many_is_found() {
        for length in 0..70 {
            let mut x = vec![1.5_f32; length];
            assert!(!has_nan(&x) && all_finite(&x));
            for i in 0..length {
                x[i] = f32::NAN;
                assert!(has_nan(&x) && !all_finite(&x), "{i} of {length}");
                x[i] = f32::NEG_INFINITY;
                assert!(!has_nan(&x) && !all_finite(&x), "{i} of {length}");
                x[i] = -0.0;
            }
        }
    }

    /// Every factor with one number that is not finite, beside zeros and without.
    #[test]
    fn first_row_and_column_tell_of_a_product() {
        let [m, k, n] = [3, 2, 4];
        let mut found = [0, 0];
        for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0] {
            for place in 0..m * k + k * n {
                for zeros in 0..1 << k {
                    let mut factors: Vec<f64> = (1..).map(f64::from).take(m * k + k * n).collect();
                    (0..k).filter(|p| zeros >> p & 1 == 1).for_each(|p| factors[p] = 0.0);
                    factors[place] = special;
                    let (a, b) = factors.split_at(m * k);
                    let entry = |i: usize, j: usize| {
                        (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum::<f64>()
                    };
                    let product: Vec<f64> = (0..m * n).map(|at| entry(at / n, at % n)).collect();
                    let holds = product.iter().any(|y| y.is_nan());
                    // In a batch, after one that is ordinary.
                    let batch = [vec![1.0; m * n], product].concat();
                    assert_eq!(product_has_nan(&batch, [m, n]), holds, "{special} at {place}");
                    found[usize::from(holds)] += 1;
                }
            }
        }
        assert!(found.iter().all(|&count| count > 50), "{found:?}");
    }
}
