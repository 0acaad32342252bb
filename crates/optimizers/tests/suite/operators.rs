//! Every operator agrees with its matrix, written out here entry by entry.

use dualtape_autodiff::record;
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    BlockDiagonal, Dense, Diagonal, EmpiricalFisher, Error, KroneckerFactored, LowRank, Real,
    SpectrumEnds,
};
use proptest::prelude::*;

/// A square matrix, row by row.
#[derive(Debug, Clone)]
struct Table {
    n: usize,
    entries: Vec<f64>,
}

impl Table {
    fn new(n: usize, entry: impl Fn(usize, usize) -> f64) -> Table {
        Table { n, entries: (0..n * n).map(|k| entry(k / n, k % n)).collect() }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.entries[i * self.n + j]
    }

    fn times(&self, v: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| (0..self.n).map(|j| self.at(i, j) * v[j]).sum()).collect()
    }

    fn size(&self) -> f64 {
        self.entries.iter().map(|a| a * a).sum::<f64>().sqrt()
    }
}

fn numbers<S: Real>(from: &[f64]) -> Vec<S> {
    from.iter().map(|&x| S::constant(x)).collect()
}

fn check_close<S: Real>(what: &str, got: &[S], want: &[f64], scale: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let tolerance = 100.0 * S::epsilon().as_f64() * scale;
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let got = got.as_f64();
        assert!((got - want).abs() <= tolerance, "{what}[{i}]: {got:e}, not {want:e}");
    }
}

/// Checks all that an operator can do against its matrix; `shift` makes it safely invertible.
fn agrees<S: Real>(operator: &dyn LinearOperator<S>, table: &Table, shift: f64) {
    let n = table.n;
    let zeros = |k: usize| vec![S::zero(); k];
    assert_eq!(operator.dim(), n);
    let scale = n as f64 * (1.0 + table.size());
    let v: Vec<f64> = (0..n).map(|i| 0.5 - 0.75 * ((3 * i + 1) % 7) as f64).collect();
    let u: Vec<f64> = (0..n).map(|i| 1.0 / (2.0 + i as f64)).collect();

    let mut product = zeros(n);
    operator.apply(&numbers(&v), &mut product).unwrap();
    check_close("product", &product, &table.times(&v), scale);

    let mut products = zeros(2 * n);
    operator.apply_many(&numbers(&[&v[..], &u].concat()), &mut products).unwrap();
    check_close("products", &products, &[table.times(&v), table.times(&u)].concat(), scale);

    let mut diagonal = zeros(n);
    operator.diagonal(&mut diagonal).unwrap();
    let expected: Vec<f64> = (0..n).map(|i| table.at(i, i)).collect();
    check_close("diagonal", &diagonal, &expected, scale);
    check_close("trace", &[operator.trace().unwrap()], &[expected.iter().sum()], scale);

    let mut dense = zeros(n * n);
    operator.to_dense(&mut dense).unwrap();
    check_close("matrix", &dense, &table.entries, scale);
    for i in 0..n {
        for j in 0..i {
            assert_eq!(dense[i * n + j], dense[j * n + i], "symmetric to the last bit");
        }
    }

    let indices: Vec<usize> = (0..n).rev().step_by(2).collect();
    let k = indices.len();
    let mut block = zeros(k * k);
    operator.block(&indices, &mut block).unwrap();
    let expected = Table::new(k, |a, b| table.at(indices[a], indices[b]));
    check_close("block", &block, &expected.entries, scale);
    let restricted = operator.restricted(indices).unwrap();
    let mut product = zeros(k);
    restricted.apply(&numbers(&v[..k]), &mut product).unwrap();
    check_close("restricted product", &product, &expected.times(&v[..k]), scale);

    let solve = |b: &[f64]| {
        let mut x = zeros(n);
        operator.solve_shifted(S::constant(shift), &numbers(b), &mut x).unwrap();
        x
    };
    let x: Vec<f64> = solve(&v).iter().map(|x| x.as_f64()).collect();
    let back: Vec<f64> = table.times(&x).iter().zip(&x).map(|(ax, x)| ax + shift * x).collect();
    let growth = 1.0 + x.iter().map(|x| x.abs()).sum::<f64>();
    check_close("solved", &numbers::<S>(&back), &v, (scale + shift.abs()) * growth);

    // The ends of the spectrum lie around every Rayleigh quotient and make up for the trace.
    let ends = operator.extreme_eigenvalues().unwrap();
    let exact = Dense::new(n, table.entries.clone()).unwrap().extreme_eigenvalues().unwrap();
    let pair = |ends: SpectrumEnds<S>| [ends.smallest, ends.largest];
    check_close("ends", &pair(ends), &[exact.smallest, exact.largest], scale);
    assert!(ends.converged && exact.converged);

    assert!(matches!(operator.apply(&zeros(n + 1), &mut zeros(n)), Err(Error::Length { .. })));
    assert!(matches!(operator.diagonal(&mut zeros(n + 1)), Err(Error::Length { .. })));
    assert!(matches!(operator.to_dense(&mut zeros(n)), Err(Error::Length { .. })) || n == 1);
    let wrong = operator.block(&[n], &mut zeros(1));
    assert!(matches!(wrong, Err(Error::NoSuchVariable { .. })));
}

fn symmetric(n: usize, entries: &[f64]) -> Table {
    Table::new(n, |i, j| 0.5 * (entries[i * n + j] + entries[j * n + i]))
}

/// All operators of the crate made of the same numbers.
fn check_all<S: Real>(n: usize, k: usize, a: &[f64], b: &[f64]) {
    let (first, second) = (symmetric(n, a), symmetric(n, b));
    let dense = || Dense::<S>::new(n, numbers(&a[..n * n])).unwrap();
    let shift = 2.0 + 2.0 * first.size() + 2.0 * second.size();
    let d: Vec<f64> = b[..n].iter().map(|b| b + 0.25).collect();
    let diagonal = || Diagonal::<S>::new(numbers(&d));
    agrees(&dense(), &first, -shift);
    agrees(&diagonal(), &Table::new(n, |i, j| if i == j { d[i] } else { 0.0 }), shift);

    let blocks = BlockDiagonal::new([dense(), Dense::new(n, numbers(&b[..n * n])).unwrap()]);
    let table = Table::new(2 * n, |i, j| match (i < n, j < n) {
        (true, true) => first.at(i, j),
        (false, false) => second.at(i - n, j - n),
        _ => 0.0,
    });
    agrees(&blocks, &table, shift);
    let cut = BlockDiagonal::of(&dense(), &[0..1, 1..n]).unwrap();
    agrees(
        &cut,
        &Table::new(n, |i, j| if (i == 0) == (j == 0) { first.at(i, j) } else { 0.0 }),
        shift,
    );

    let (u, weights) = (&a[..k * n], &b[..k]);
    let low_rank = LowRank::<S>::new(n, numbers(u), numbers(weights)).unwrap();
    let sum = |i, j| (0..k).map(|l| weights[l] * u[l * n + i] * u[l * n + j]).sum::<f64>();
    agrees(&low_rank, &Table::new(n, sum), k as f64 * shift);
    let low_rank = low_rank.with_diagonal(numbers(&d)).unwrap();
    let table = Table::new(n, |i, j| sum(i, j) + if i == j { d[i] } else { 0.0 });
    agrees(&low_rank, &table, -(k as f64) * shift);

    let fisher = EmpiricalFisher::<S>::new(n, numbers(u)).unwrap();
    let covariance = |i, j| (0..k).map(|l| u[l * n + i] * u[l * n + j]).sum::<f64>() / k as f64;
    agrees(&fisher, &Table::new(n, covariance), 0.5);

    // Two outputs, an input and a bias: the variables are w₁, w₂, b₁, b₂.
    let (input, output) = (symmetric(2, a), symmetric(2, b));
    let kfac = KroneckerFactored::<S>::new(2, numbers(&a[..4]), 2, numbers(&b[..4]), true).unwrap();
    let place = [(0, 0), (1, 0), (0, 1), (1, 1)];
    let product =
        |i: usize, j: usize| output.at(place[i].0, place[j].0) * input.at(place[i].1, place[j].1);
    agrees(&kfac, &Table::new(4, product), 40.0);

    let third = |x: f64| S::constant(x);
    agrees(&dense().scaled(third(-1.5)), &Table::new(n, |i, j| -1.5 * first.at(i, j)), shift);
    agrees(&dense().scaled(S::zero()), &Table::new(n, |_, _| 0.0), shift);
    let moved = Table::new(n, |i, j| first.at(i, j) + if i == j { 0.75 } else { 0.0 });
    agrees(&dense().shifted(third(0.75)), &moved, shift);
    let sum = dense().plus(diagonal()).unwrap();
    agrees(&sum, &Table::new(n, |i, j| first.at(i, j) + if i == j { d[i] } else { 0.0 }), shift);
    agrees(
        &dense().restricted(1..n).unwrap(),
        &Table::new(n - 1, |i, j| first.at(i + 1, j + 1)),
        shift,
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn operators_agree_with_their_matrices(
        n in 2_usize..7,
        k in 1_usize..9,
        a in prop::collection::vec(-2.0..2.0_f64, 64),
        b in prop::collection::vec(-2.0..2.0_f64, 64),
    ) {
        check_all::<f64>(n, k.min(64 / n), &a, &b);
        check_all::<f32>(n, k.min(64 / n), &a, &b);
    }

    #[test]
    fn woodbury_is_right_where_it_cancels(
        u in prop::collection::vec(-1.0..1.0_f64, 24),
        b in prop::collection::vec(-1.0..1.0_f64, 12),
        exponent in 0..9_i32,
    ) {
        // E is up to 10⁸ times smaller than the rest.
        let shift = 10.0_f64.powi(-exponent);
        let a = LowRank::new(12, u.clone(), vec![1.0, 3.0]).unwrap();
        let mut x = [0.0; 12];
        a.solve_shifted(shift, &b, &mut x).unwrap();
        let exact = Dense::of(&a).unwrap();
        let mut back = [0.0; 12];
        exact.apply(&x, &mut back).unwrap();
        let size = 1.0 + x.iter().map(|x| x.abs()).sum::<f64>();
        for ((back, x), b) in back.iter().zip(&x).zip(&b) {
            prop_assert!((back + shift * x - b).abs() < 1e-13 * size, "{back} {x} {b}");
        }
    }
}

/// Second differences, a matrix too large to be written out, with eigenvalues `2 − 2 cos(kπ/(n+1)) − 1`.
struct Differences(usize);

impl<S: Real> LinearOperator<S> for Differences {
    fn dim(&self) -> usize {
        self.0
    }
    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        let at = |i: Option<usize>| i.and_then(|i| v.get(i)).copied().unwrap_or(S::zero());
        for i in 0..self.0 {
            out[i] = v[i] - at(i.checked_sub(1)) - at(Some(i + 1));
        }
        Ok(())
    }
}

fn large_systems<S: Real>() {
    let n = 700;
    let operator = Differences(n);
    let b: Vec<S> = (0..n).map(|i| S::constant(((i * i) % 17) as f64 - 8.0)).collect();
    let mut x = vec![S::zero(); n];
    // indefinite: the eigenvalues are between −1 and 3
    operator.solve_shifted(S::constant(-0.3), &b, &mut x).unwrap();
    let mut back = vec![S::zero(); n];
    operator.apply(&x, &mut back).unwrap();
    let size = x.iter().fold(0.0, |max: f64, x| max.max(x.as_f64().abs()));
    for ((&back, &x), &b) in back.iter().zip(&x).zip(&b) {
        let residual = (back - S::constant(0.3) * x - b).as_f64().abs();
        assert!(residual <= 1e4 * S::epsilon().as_f64() * (8.0 + size), "{residual:e} {size:e}");
    }
}

#[test]
fn large_indefinite_systems_are_solved_from_products() {
    large_systems::<f64>();
    large_systems::<f32>();
    let ends = LinearOperator::<f64>::extreme_eigenvalues(&Differences(700)).unwrap();
    let (low, high) = (ends.smallest, ends.largest);
    let cosine = (std::f64::consts::PI / 701.0).cos();
    // The ends are crowded, and found from inside.
    let (smallest, largest) = (1.0 - 2.0 * cosine, 1.0 + 2.0 * cosine);
    assert!(low >= smallest - 1e-14 && low - smallest < 1e-3, "{low} {smallest}");
    assert!(high <= largest + 1e-14 && largest - high < 1e-3, "{high} {largest}");
    // What was not reached to the tolerance of a pair, says so.
    let off = (low - smallest).max(largest - high);
    assert!(!ends.converged || off < 1e-7, "{ends:?}");
    let joined = BlockDiagonal::new::<f64>(vec![Differences(2000)]).scaled(-2.0).shifted(1.0);
    let ends = joined.extreme_eigenvalues().unwrap();
    assert!(!ends.converged && ends.largest < 3.0, "{ends:?}");
}

#[test]
fn singular_systems_are_refused() {
    let solve = |a: &dyn LinearOperator<f64>, shift: f64| {
        let n = a.dim();
        let b: Vec<f64> = (0..n).map(|i| 1.0 + (i % 3) as f64).collect();
        a.solve_shifted(shift, &b, &mut vec![0.0; n])
    };
    let singular = |result| matches!(result, Err(Error::Singular { .. } | Error::NotSolved { .. }));
    let one = Dense::new(3, vec![1.0; 9]).unwrap();
    assert!(singular(solve(&one, 0.0)));
    assert!(solve(&one, 1e-3).is_ok());
    assert!(singular(solve(&Diagonal::new(vec![2.0, -1.0]), 1.0)));
    let rank_one = LowRank::new(600, vec![1.0; 600], vec![-1.0 / 600.0]).unwrap();
    assert!(singular(solve(&rank_one, 0.0)));
    assert!(singular(solve(&rank_one, 1.0)));
    assert!(solve(&rank_one, 1.5).is_ok());
    let zero = Diagonal::constant(600, 1.0).scaled(0.0);
    assert!(singular(solve(&zero, 0.0)));
    let ones = EmpiricalFisher::new(2, vec![1.0, 1.0]).unwrap();
    assert!(singular(solve(&ones, 0.0)));
    let products_only = Differences(600);
    assert!(singular(solve(
        &products_only.scaled(0.0).plus(Differences(600)).unwrap().scaled(0.0),
        0.0
    )));
    let bad = Dense::new(2, vec![1.0, f64::NAN, 0.0, 1.0]).unwrap();
    assert!(matches!(solve(&bad, 0.0), Err(Error::NonFiniteMatrix { row: 0 })));
}

#[test]
fn a_system_singular_on_paper_is_refused_from_products() {
    /// The projection on what sums to zero.
    struct Centred(usize);
    impl LinearOperator<f64> for Centred {
        fn dim(&self) -> usize {
            self.0
        }
        fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            let mean = v.iter().sum::<f64>() / self.0 as f64;
            out.iter_mut().zip(v).for_each(|(out, v)| *out = v - mean);
            Ok(())
        }
    }
    let b: Vec<f64> = (0..800).map(f64::from).collect();
    let solved = Centred(800).solve_shifted(0.0, &b, &mut vec![0.0; 800]);
    assert!(matches!(solved, Err(Error::Singular { .. } | Error::NotSolved { .. })), "{solved:?}");
}

#[test]
fn blocks_must_cover_all_variables_once() {
    let a = Diagonal::constant(4, 1.0);
    let short = |end| std::iter::once(0..end).collect();
    for ranges in [vec![0..2, 3..4], short(2), vec![0..2, 1..4], vec![0..4, 4..4], short(5)] {
        let error = BlockDiagonal::of(&a, &ranges).unwrap_err();
        assert!(matches!(error, Error::Blocks { .. }), "{ranges:?}: {error}");
    }
    let sum = a.plus(Diagonal::constant(3, 1.0));
    assert!(matches!(sum, Err(Error::Length { .. })));
}

#[test]
fn blocks_of_a_recorded_hessian_are_parts_of_it() {
    let f = record(&[0.5; 4])
        .function(|x| (x[0] * x[1]).exp() + x[1] * x[2].powi(3) + (x[3] - x[0]).powi(4))
        .unwrap();
    let x = [0.3, -0.6, 1.2, 2.0];
    let whole = f.hessian(&x).unwrap();
    let at = Objective::linearize(&f, &x).unwrap();
    let mut block = [0.0; 4];
    at.hessian().block(&[3, 0], &mut block).unwrap();
    assert_eq!(block, [whole.row(3)[3], whole.row(3)[0], whole.row(0)[3], whole.row(0)[0]]);
    let mut out = [0.0; 1];
    assert!(matches!(at.hessian().block(&[4], &mut out), Err(Error::NoSuchVariable { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_top_of_a_spectrum_keeps_its_signs(
        n in 3_usize..12,
        k in 1_usize..4,
        a in prop::collection::vec(-1.0..1.0_f64, 144),
        seed in 0_u64..100,
    ) {
        let table = symmetric(n, &a);
        let dense = Dense::new(n, table.entries.clone()).unwrap();
        let top = LowRank::lanczos(&dense, k, seed).unwrap();
        let vectors: Vec<&[f64]> = top.vectors().chunks(n).collect();
        for (i, (u, &lambda)) in vectors.iter().zip(top.weights()).enumerate() {
            for (au, u) in table.times(u).iter().zip(u.iter()) {
                prop_assert!((au - lambda * u).abs() < 1e-6, "{au} {}", lambda * u);
            }
            for (j, v) in vectors.iter().enumerate() {
                let product: f64 = u.iter().zip(v.iter()).map(|(u, v)| u * v).sum();
                prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        // What is left has no larger eigenvalue.
        let rest = dense.plus(top.clone().scaled(-1.0)).unwrap();
        let SpectrumEnds { smallest: low, largest: high, .. } = rest.extreme_eigenvalues().unwrap();
        prop_assert!(low.abs().max(high.abs()) <= top.weights()[k - 1].abs() + 1e-6);
    }

    #[test]
    fn nystrom_lies_below_and_is_exact_for_low_rank(
        n in 4_usize..12,
        u in prop::collection::vec(-1.0..1.0_f64, 24),
        seed in 0_u64..100,
    ) {
        let a = LowRank::new(n, u[..2 * n].to_vec(), vec![1.0, 2.0]).unwrap();
        let approximation = LowRank::nystrom(&a, 3, seed).unwrap();
        let (exact, got) = (Dense::of(&a).unwrap(), Dense::of(&approximation).unwrap());
        for (exact, got) in exact.as_slice().iter().zip(got.as_slice()) {
            prop_assert!((exact - got).abs() < 1e-10, "{exact} {got}");
        }
        let shifted = (&a).shifted(0.5);
        let below = LowRank::nystrom(&shifted, 2, seed).unwrap();
        let rest = (&shifted).plus(below.scaled(-1.0)).unwrap();
        prop_assert!(rest.extreme_eigenvalues().unwrap().smallest > -1e-10);
    }
}

#[test]
fn low_rank_parts_of_the_extreme_kinds() {
    // Each eigenvalue many times, and none at all.
    let repeated = Diagonal::new([vec![-3.0; 5], vec![1.0; 95]].concat());
    let top = LowRank::lanczos(&repeated, 2, 1).unwrap();
    assert!(top.weights().iter().all(|w: &f64| (w + 3.0).abs() < 1e-12), "{:?}", top.weights());
    let zero = Diagonal::constant(100, 0.0);
    assert!(LowRank::lanczos(&zero, 3, 0).unwrap().weights().iter().all(|&w| w == 0.0));
    assert!(LowRank::nystrom(&zero, 3, 0).unwrap().weights().iter().all(|&w| w == 0.0));
    assert!(matches!(LowRank::nystrom(&repeated, 60, 0), Err(Error::Indefinite { .. })));
    for rank in [0, 101] {
        assert_eq!(LowRank::lanczos(&zero, rank, 0), Err(Error::Rank { rank, dim: 100 }));
        assert_eq!(LowRank::nystrom(&zero, rank, 0), Err(Error::Rank { rank, dim: 100 }));
    }
    let bad = Diagonal::constant(10, f64::NAN);
    assert!(matches!(LowRank::lanczos(&bad, 2, 0), Err(Error::NonFiniteProduct { .. })));
    assert!(matches!(LowRank::nystrom(&bad, 2, 0), Err(Error::NonFiniteProduct { .. })));
}
