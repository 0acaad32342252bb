//! Every kernel against a slow reference that spells out the definition, over random shapes.

use num_traits::Float;
use proptest::prelude::*;

use super::product::dot;
use super::*;
use crate::array::View;
use crate::number::Elementary;
use crate::number::{Binary, Dual, Scalar, Unary, c};
use num_traits::Zero;

type Dual2 = Dual<f64, 2>;

/// A number type under test: how far two of its values are apart, in units of its precision.
trait Tested: Scalar {
    fn parts(self) -> Vec<f64>;
    fn sample(x: f64, rank: usize) -> Self;
    const EPS: f64;
}

impl Tested for f64 {
    fn parts(self) -> Vec<f64> {
        vec![self]
    }
    fn sample(x: f64, _: usize) -> Self {
        x
    }
    const EPS: f64 = f64::EPSILON;
}

impl Tested for f32 {
    fn parts(self) -> Vec<f64> {
        vec![f64::from(self)]
    }
    fn sample(x: f64, _: usize) -> Self {
        x as f32
    }
    const EPS: f64 = f32::EPSILON as f64;
}

impl Tested for Dual2 {
    fn parts(self) -> Vec<f64> {
        vec![self.re, self.eps[0], self.eps[1]]
    }
    fn sample(x: f64, i: usize) -> Self {
        Dual { re: x, eps: [0.5 - x * x, (i % 7) as f64 - 3.0] }
    }
    const EPS: f64 = f64::EPSILON;
}

/// `n` numbers of both signs around 1, different for each seed.
fn samples<S: Tested>(n: usize, seed: u64) -> Vec<S> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|i| S::sample(4.0 * uniform() - 2.0, i)).collect()
}

fn assert_close<S: Tested>(got: &[S], want: &[S], growth: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        for (g, w) in got.parts().into_iter().zip(want.parts()) {
            let close = (g - w).abs() <= S::EPS * growth * w.abs().max(1.0);
            assert!(close || g == w || g.is_nan() && w.is_nan(), "[{i}]: {got:?}, not {want:?}");
        }
    }
}

fn assert_same<S: Tested>(got: &[S], want: &[S]) {
    assert_close(got, want, 0.0);
}

/// All multi-indices of `shape`, in row-major order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &len| {
        all.iter().flat_map(|i| (0..len).map(move |k| [&i[..], &[k]].concat())).collect()
    })
}

/// The position of `index` in an array of `shape` broadcast to the rank of `index`.
fn offset(shape: &[usize], index: &[usize]) -> usize {
    let index = &index[index.len() - shape.len()..];
    shape.iter().zip(index).fold(0, |at, (&len, &i)| at * len + if len == 1 { 0 } else { i })
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Shapes of rank up to 4: mostly with short axes, some with one that fills several vectors.
fn shapes() -> impl Strategy<Value = Vec<usize>> {
    let len =
        prop_oneof![4 => 1..4_usize, 2 => Just(1_usize), 1 => Just(0_usize), 2 => 4..80_usize];
    prop::collection::vec(len, 0..=4).prop_filter("small enough", |shape| count(shape) <= 6000)
}

/// A shape, and one that is broadcastable to it.
fn broadcastable() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    (shapes(), prop::collection::vec(any::<bool>(), 4), 0..=4_usize).prop_map(|(y, keep, skip)| {
        let x = y.iter().zip(keep).map(|(&len, keep)| if keep { len } else { 1 });
        let x: Vec<_> = x.skip(skip.min(y.len())).collect();
        (y, x)
    })
}

fn check_zip<S: Tested>(y_shape: &[usize], a_shape: &[usize], b_shape: &[usize], seed: u64) {
    let a = samples::<S>(count(a_shape), seed);
    let b = samples::<S>(count(b_shape), seed + 1);
    let indices = indices(y_shape);
    for &f in Binary::ALL {
        let mut y = vec![S::nan(); count(y_shape)];
        zip(
            f,
            View { data: &a, shape: a_shape },
            View { data: &b, shape: b_shape },
            &mut y,
            y_shape,
        );
        let at = |i: &Vec<usize>| a[offset(a_shape, i)].zip(f, b[offset(b_shape, i)]);
        assert_same(&y, &indices.iter().map(at).collect::<Vec<_>>());
    }
}

fn check_sums<S: Tested>(shape: &[usize], target: &[usize], mask: u8, seed: u64) {
    let data = samples::<S>(count(shape), seed);
    let x = View { data: &data, shape };
    let mut want = vec![S::zero(); count(target)];
    for (i, &x) in indices(shape).iter().zip(&data) {
        want[offset(target, i)] += x;
    }
    let mut y = vec![S::nan(); want.len()];
    sum_to(x, &mut y, target);
    let growth = 8.0 * (data.len() as f64 + 1.0);
    assert_close(&y, &want, growth);

    let axes: Vec<usize> = (0..shape.len()).filter(|axis| mask >> axis & 1 == 1).collect();
    let kept: Vec<usize> = shape
        .iter()
        .copied()
        .enumerate()
        .filter(|(i, _)| !axes.contains(i))
        .map(|(_, n)| n)
        .collect();
    let mut want = vec![S::zero(); count(&kept)];
    for (i, &x) in indices(shape).iter().zip(&data) {
        let i: Vec<usize> =
            (0..i.len()).filter(|axis| !axes.contains(axis)).map(|axis| i[axis]).collect();
        want[offset(&kept, &i)] += x;
    }
    let mut y = vec![S::nan(); want.len()];
    sum(x, &axes, &mut y);
    assert_close(&y, &want, growth);
}

/// The elements of `x` along `axis`, one vector for each element of the reduced array.
fn lines<S: Scalar>(x: View<S>, axis: usize) -> Vec<Vec<S>> {
    let mut outer = x.shape.to_vec();
    outer[axis] = 1;
    let along = |mut i: Vec<usize>| {
        let at = |k| {
            i[axis] = k;
            x.data[i.iter().zip(x.shape).fold(0, |at, (&i, &len)| at * len + i)]
        };
        (0..x.shape[axis]).map(at).collect()
    };
    indices(&outer).into_iter().map(along).collect()
}

fn check_axis<S: Tested>(shape: &[usize], axis: usize, seed: u64) {
    let data = samples::<S>(count(shape), seed);
    let x = View { data: &data, shape };
    let lines = lines(x, axis);
    let mut y = vec![S::nan(); lines.len()];
    max(x, axis, &mut y);
    let largest = |line: &Vec<S>| line.iter().copied().reduce(S::max).unwrap_or(S::neg_infinity());
    assert_same(&y, &lines.iter().map(largest).collect::<Vec<_>>());

    let naive = |line: &Vec<S>| line.iter().fold(S::zero(), |sum, x| sum + x.exp()).ln();
    log_sum_exp(x, axis, &mut y);
    if shape[axis] == 0 {
        assert!(y.iter().all(|y| *y == S::neg_infinity()));
    } else {
        assert_close(&y, &lines.iter().map(naive).collect::<Vec<_>>(), 64.0 * shape[axis] as f64);
    }
}

fn check_matmul<S: Tested>([m, k, n]: [usize; 3], ta: bool, tb: bool, seed: u64) {
    let (a, b) = (samples::<S>(m * k, seed), samples::<S>(k * n, seed + 1));
    let a_shape = if ta { [k, m] } else { [m, k] };
    let b_shape = if tb { [n, k] } else { [k, n] };
    let a_at = |i: usize, p: usize| a[if ta { p * m + i } else { i * k + p }];
    let b_at = |p: usize, j: usize| b[if tb { j * k + p } else { p * n + j }];
    let element =
        |ij: usize| (0..k).fold(S::zero(), |sum, p| sum + a_at(ij / n, p) * b_at(p, ij % n));
    let mut y = vec![S::nan(); m * n];
    let (a, b) = (View { data: &a, shape: &a_shape }, View { data: &b, shape: &b_shape });
    matmul(a, ta, b, tb, &mut y, &[m, n]);
    assert_close(&y, &(0..m * n).map(element).collect::<Vec<_>>(), 64.0 * (k + 1) as f64);
}

fn check_permute<S: Tested>(shape: &[usize], axes: &[usize], seed: u64) {
    let x = samples::<S>(count(shape), seed);
    let y_shape: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    let at = |i: &Vec<usize>| {
        let mut source = vec![0; axes.len()];
        axes.iter().zip(i).for_each(|(&axis, &i)| source[axis] = i);
        x[offset(shape, &source)]
    };
    let mut y = vec![S::nan(); x.len()];
    permute(View { data: &x, shape }, axes, &mut y);
    assert_same(&y, &indices(&y_shape).iter().map(at).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn zip_broadcasts((y, a) in broadcastable(), mask in 0..16_u8, seed in 0..1000_u64) {
        // b takes the axes that a lacks, and some more.
        let missing = y.len() - a.len();
        let b: Vec<usize> = y.iter().enumerate().map(|(i, &len)| {
            let needed = i < missing || a[i - missing] != len;
            if needed || mask >> i & 1 == 1 { len } else { 1 }
        }).collect();
        check_zip::<f64>(&y, &a, &b, seed);
        check_zip::<f32>(&y, &b, &a, seed);
        check_zip::<Dual2>(&y, &a, &b, seed);
    }

    #[test]
    fn broadcast_repeats((y_shape, x_shape) in broadcastable(), seed in 0..1000_u64) {
        let x = samples::<f64>(count(&x_shape), seed);
        let mut y = vec![f64::NAN; count(&y_shape)];
        broadcast(View { data: &x, shape: &x_shape }, &mut y, &y_shape);
        let want: Vec<f64> = indices(&y_shape).iter().map(|i| x[offset(&x_shape, i)]).collect();
        assert_same(&y, &want);
    }

    #[test]
    fn sums_match_their_definition((x, y) in broadcastable(), mask in 0..16_u8, seed in 0..1000_u64) {
        check_sums::<f64>(&x, &y, mask, seed);
        check_sums::<f32>(&x, &y, mask, seed);
        check_sums::<Dual2>(&x, &y, mask, seed);
    }

    #[test]
    fn max_and_log_sum_exp_match_their_definition(shape in shapes(), axis in 0..4_usize, seed in 0..1000_u64) {
        prop_assume!(!shape.is_empty());
        let axis = axis % shape.len();
        check_axis::<f64>(&shape, axis, seed);
        check_axis::<f32>(&shape, axis, seed);
        check_axis::<Dual2>(&shape, axis, seed);
    }

    #[test]
    fn permute_moves_axes(
        (shape, axes) in shapes().prop_flat_map(|s| {
            let axes: Vec<usize> = (0..s.len()).collect();
            (Just(s), Just(axes).prop_shuffle())
        }),
        seed in 0..1000_u64,
    ) {
        check_permute::<f64>(&shape, &axes, seed);
        check_permute::<Dual2>(&shape, &axes, seed);
    }

    #[test]
    fn matmul_matches_its_definition(
        m in 0..20_usize, k in 0..40_usize, n in 0..20_usize,
        ta: bool, tb: bool, vector in 0..4_u8, seed in 0..1000_u64,
    ) {
        let size = match vector { 0 => [1, k, n], 1 => [m, k, 1], 2 => [m, 1, n], _ => [m, k, n] };
        check_matmul::<f64>(size, ta, tb, seed);
        check_matmul::<f32>(size, ta, tb, seed);
        check_matmul::<Dual2>(size, ta, tb, seed);
    }

    #[test]
    fn dot_matches_its_definition(n in 0..200_usize, seed in 0..1000_u64) {
        let (a, b) = (samples::<f64>(n, seed), samples::<f64>(n, seed + 1));
        let want = a.iter().zip(&b).fold(0.0, |sum, (a, b)| sum + a * b);
        assert_close(&[dot(&a, &b)], &[want], 8.0 * (n + 1) as f64);
    }

    #[test]
    fn powers_match_the_scalar_ones(n in -40..40_i32, len in 0..50_usize, seed in 0..1000_u64) {
        let x = samples::<f64>(len, seed);
        let mut y = vec![f64::NAN; len];
        power_int(n, &x, &mut y);
        assert_same(&y, &x.iter().map(|x| x.powi(n)).collect::<Vec<_>>());
        power_real(0.5 * f64::from(n), &x, &mut y);
        assert_same(&y, &x.iter().map(|x| x.powf(0.5 * f64::from(n))).collect::<Vec<_>>());
        let x = samples::<Dual2>(len, seed);
        let mut y = vec![Dual2::nan(); len];
        power_int(n, &x, &mut y);
        assert_same(&y, &x.iter().map(|x| x.power_int(n)).collect::<Vec<_>>());
    }
}

fn check_map<S: Tested>(len: usize, ulps: f64) {
    let x = samples::<S>(len, 5);
    for &f in Unary::ALL {
        let mut y = vec![S::nan(); len];
        map(f, &x, &mut y);
        assert_close(&y, &x.iter().map(|x| x.map(f)).collect::<Vec<_>>(), ulps);
    }
}

/// Where the functions are ours they may differ by the errors of both.
#[test]
fn map_matches_the_scalar_functions() {
    for len in [0, 1, 7, 64, 203] {
        check_map::<f64>(len, 8.0);
        check_map::<f32>(len, 8.0);
        check_map::<Dual2>(len, 0.0);
    }
}

#[test]
fn extreme_integer_powers() {
    let x = [0.0, -0.0, 1.0, -1.0, 2.0, f64::INFINITY, f64::NAN];
    for n in [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX] {
        let mut y = [f64::NAN; 7];
        power_int(n, &x, &mut y);
        assert_same(&y, &x.map(|x| x.powi(n)));
    }
}

/// The order of summation is that of the portable loop, which duals use, whatever the processor.
#[test]
fn sums_do_not_depend_on_the_number_type() {
    for n in [1, 15, 16, 17, 100, 1000] {
        let (x, z) = (samples::<f64>(n, 3), samples::<f64>(n, 4));
        let dual = |x: &[f64]| x.iter().map(|&x| Dual2::constant(x)).collect::<Vec<_>>();
        assert_eq!(dot(&x, &z).to_bits(), dot(&dual(&x), &dual(&z)).re.to_bits());
        for (shape, axes, len) in [([1, n], [1], 1), ([n, 1], [0], 1), ([n / 5, 5], [0], 5)] {
            let data = &x[..count(&shape)];
            let (mut y, mut y_dual) = (vec![0.0; len], vec![Dual2::zero(); len]);
            sum(View { data, shape: &shape }, &axes, &mut y);
            sum(View { data: &dual(data), shape: &shape }, &axes, &mut y_dual);
            assert_same(&y, &y_dual.iter().map(|y| y.re).collect::<Vec<_>>());
        }
    }
}

#[test]
fn max_and_log_sum_exp_of_non_finite_numbers() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for n in [2, 3, 20, 70] {
        let cases = [
            (-inf, -inf, -inf),
            (-inf, 1.5, 1.5),
            (inf, 0.0, inf),
            (inf, -inf, inf),
            (nan, inf, nan),
            (nan, -inf, nan),
            (1.0, nan, nan),
        ];
        for (last, others, want) in cases {
            let mut x = vec![-inf; n];
            (x[0], x[n - 1]) = (others, last);
            // As one row, and as the first of three columns.
            let columns: Vec<f64> = x.iter().flat_map(|&x| [x, 1000.0, -1000.0]).collect();
            let ln_n = (n as f64).ln();
            for f in [max::<f64>, log_sum_exp::<f64>] {
                let (mut row, mut y) = ([0.0], [0.0; 3]);
                f(View { data: &x, shape: &[n] }, 0, &mut row);
                f(View { data: &columns, shape: &[n, 3] }, 0, &mut y);
                assert_same(&row, &[want]);
                assert_same(&y[..1], &[want]);
                assert!(y[1] == 1000.0 || (y[1] - 1000.0 - ln_n).abs() < 1e-12);
                assert!(y[2] == -1000.0 || (y[2] + 1000.0 - ln_n).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn derivatives_flow_through_log_sum_exp_and_max() {
    for (n, inner) in [(3, 1), (40, 1), (100, 1), (7, 5), (3, 70)] {
        let x: Vec<Dual2> = samples::<Dual2>(n * inner, 9).iter().map(|&x| x * c(100.0)).collect();
        let view = View { data: &x, shape: &[n, inner] };
        let mut y = vec![Dual2::nan(); inner];
        log_sum_exp(view, 0, &mut y);
        for (line, y) in lines(view, 0).iter().zip(&y) {
            for lane in 0..2 {
                // ∂y/∂x[i] = exp(x[i] − y)
                let want: f64 = line.iter().map(|x| (x.re - y.re).exp() * x.eps[lane]).sum();
                let size: f64 = line.iter().map(|x| x.eps[lane].abs()).fold(1.0, f64::max);
                assert!((y.eps[lane] - want).abs() <= 1e3 * f64::EPSILON * size);
            }
        }
    }
    let tie = [(2.0, 1.0), (5.0, 2.0), (5.0, 6.0), (1.0, 8.0), (5.0, 7.0)];
    let x = tie.map(|(re, eps)| Dual { re, eps: [eps, -2.0 * eps] });
    let mut y = [Dual2::nan()];
    max(View { data: &x, shape: &[5] }, 0, &mut y);
    assert_same(&y, &[Dual { re: 5.0, eps: [5.0, -10.0] }]);
}
