//! Fits: polynomials with badly scaled columns, sums of exponentials, regressions, small networks; and a few molecules.

use dualtape_autodiff::Var;
use dualtape_optimizers::Error;

use super::{Problem, uniform};

/// All of them.
pub fn all() -> Result<Vec<Problem>, Error> {
    let mut all = Vec::new();
    // Energies of a bond at angles in radians, by even powers, as in CUTE's PALMER1C to PALMER8C.
    for (terms, widest) in [(6, 2.1), (8, 1.57), (8, 1.75), (8, 1.9)] {
        let (angles, energies) = bond(widest);
        let name = format!("bond, {terms} even powers to {widest}");
        all.push(Problem::new(name, vec![1.0; terms], move |c| {
            polynomial(c, 2, &angles, &energies)
        })?);
    }
    for (terms, widest) in [(6, 1.6), (8, 1.4)] {
        let (angles, energies) = bond(widest);
        let name = format!("bond, {terms} powers to {widest}");
        all.push(Problem::new(name, vec![1.0; terms], move |c| {
            polynomial(c, 1, &angles, &energies)
        })?);
    }
    let (angles, energies) = palmer();
    all.push(Problem::new("PALMER2C", vec![1.0; 8], move |c| {
        polynomial(c, 2, &angles, &energies)
    })?);
    let (angles, energies) = bond(1.7);
    all.push(Problem::new("bond, quotient", vec![1.0; 6], move |c| {
        bond_quotient(c, &angles, &energies)
    })?);

    for (features, scales, penalty) in
        [(6, 0.0, 0.1), (12, 2.0, 1e-2), (20, 1.0, 1e-4), (50, 0.0, 1e-3)]
    {
        let rows = table(features as u64, 150, features, scales);
        let name = format!("logistic regression {features}, scales 10^±{scales}");
        all.push(Problem::new(name, vec![0.0; features], move |w| logistic(w, &rows, penalty))?);
    }
    let rows = table(70, 90, 5, 0.5);
    all.push(Problem::new("softmax regression 18", vec![0.0; 18], move |w| softmax(w, &rows, 3))?);
    let rows = table(71, 60, 5, 0.3);
    all.push(Problem::new("Poisson regression 5", vec![0.0; 5], move |w| poisson(w, &rows))?);
    let rows = table(72, 60, 6, 0.7);
    all.push(Problem::new("robust regression 6", vec![0.0; 6], move |w| robust(w, &rows))?);

    for (seed, widths, penalty) in [
        (80, &[2, 5, 1][..], 1e-3),
        (81, &[3, 8, 2][..], 1e-4),
        (82, &[1, 5, 5, 5, 1][..], 1e-4),
        (83, &[6, 2, 6][..], 1e-5),
        (84, &[4, 12, 6, 2][..], 1e-2),
    ] {
        let count = widths.windows(2).map(|w| (w[0] + 1) * w[1]).sum();
        let inputs = table(seed, 40, widths[0], 0.0);
        all.push(Problem::new(
            format!("network {widths:?}"),
            uniform(seed + 100, count, 0.8),
            move |w| network(w, widths, &inputs, penalty),
        )?);
    }
    let matrix = uniform(90, 48, 1.0);
    all.push(Problem::new("matrix of rank 2, 8 × 6", uniform(91, 28, 0.5), move |x| {
        factorization(x, &matrix)
    })?);
    for (atoms, seed) in [(4, 92), (7, 93), (13, 95)] {
        let start = cluster(atoms, seed);
        all.push(Problem::new(format!("Lennard-Jones {atoms}"), start, lennard_jones)?);
    }

    all.push(Problem::new("Biggs exp6", vec![1.0, 2.0, 1.0, 1.0, 1.0, 1.0], biggs)?);
    all.push(Problem::new("Box", vec![0.0, 10.0, 20.0], three_exponentials)?);
    all.push(Problem::new("Jennrich–Sampson", vec![0.3, 0.4], jennrich_sampson)?);
    all.push(Problem::new("Gulf", vec![5.0, 2.5, 0.15], gulf)?);
    for n in [6, 9] {
        all.push(Problem::new(format!("Watson {n}"), vec![0.0; n], watson)?);
    }
    all.push(Problem::new("Kowalik–Osborne", vec![0.25, 0.39, 0.415, 0.39], kowalik_osborne)?);
    all.push(Problem::new("Gaussian", vec![0.4, 1.0, 0.0], gaussian)?);
    all.push(Problem::new("Brown badly scaled", vec![1.0, 1.0], |x| {
        (x[0] - 1e6).powi(2) + (x[1] - 2e-6).powi(2) + (x[0] * x[1] - 2.0).powi(2)
    })?);
    all.push(Problem::new("Powell badly scaled", vec![0.0, 1.0], |x| {
        (1e4 * x[0] * x[1] - 1.0).powi(2) + ((-x[0]).exp() + (-x[1]).exp() - 1.0001).powi(2)
    })?);
    all.push(Problem::new("Himmelblau", vec![0.1, 0.2], |x| {
        (x[0].powi(2) + x[1] - 11.0).powi(2) + (x[0] + x[1].powi(2) - 7.0).powi(2)
    })?);
    Ok(all)
}

/// Angles up to `widest` to either side, and energies there.
fn bond(widest: f64) -> (Vec<f64>, Vec<f64>) {
    let noise = uniform(7, 31, 0.4);
    let angles: Vec<f64> = (0..31).map(|i| widest * (f64::from(i) / 15.0 - 1.0)).collect();
    let energy =
        |(&t, noise): (&f64, f64)| 2.0 + 40.0 * (1.0 - (2.2 * t).cos()) - 12.0 * t.cos() + noise;
    let energies = angles.iter().zip(noise).map(energy).collect();
    (angles, energies)
}

/// The angles and energies of CUTE's PALMER2C, from K. Palmer's studies of chemical bonds.
#[expect(clippy::approx_constant, reason = "six digits are the data")]
fn palmer() -> (Vec<f64>, Vec<f64>) {
    let half = [
        (0.174533, 17.7149),
        (0.349066, 13.4291),
        (0.523599, 8.1080),
        (0.698132, 3.2053),
        (0.872665, 0.2730),
        (0.937187, 0.0),
        (1.047198, 0.8596),
        (1.221730, 6.4762),
        (1.396263, 18.8548),
        (1.570796, 40.149455),
        (1.745329, 72.676767),
    ];
    let mut pairs: Vec<(f64, f64)> = half.iter().rev().map(|&(t, y)| (-t, y)).collect();
    // Two of the values differ in their last digit from those on the other side.
    (pairs[7].1, pairs[10].1) = (3.2043, 17.714);
    pairs.push((0.0, 19.4529));
    pairs.extend(half);
    pairs.into_iter().unzip()
}

/// `Σᵢ (Σⱼ cⱼ tᵢ^(step·j) − yᵢ)²`.
fn polynomial<'t>(c: &[Var<'t>], step: i32, t: &[f64], y: &[f64]) -> Var<'t> {
    let curve = |t: f64| (0..).zip(c).map(|(j, &c)| t.powi(step * j) * c).sum::<Var<'t>>();
    t.iter().zip(y).map(|(&t, &y)| (curve(t) - y).powi(2)).sum()
}

fn bond_quotient<'t>(c: &[Var<'t>], t: &[f64], y: &[f64]) -> Var<'t> {
    let curve = |t: f64| {
        let s = t * t;
        c[0] + c[1] * s + c[2] * (s * s) + c[3] * s.powi(3) + c[4] / (c[5].powi(2) + s)
    };
    t.iter().zip(y).map(|(&t, &y)| (curve(t) - y).powi(2)).sum()
}

/// Rows of features, whose scales reach from `10^−scales` to `10^scales`.
fn table(seed: u64, rows: usize, features: usize, scales: f64) -> Vec<Vec<f64>> {
    let numbers = uniform(seed, rows * features, 1.0);
    let scale =
        |j: usize| 10_f64.powf(scales * (2.0 * j as f64 / (features - 1).max(1) as f64 - 1.0));
    let row = |row: &[f64]| row.iter().enumerate().map(|(j, x)| scale(j) * x).collect();
    numbers.chunks_exact(features).map(row).collect()
}

fn dot<'t>(w: &[Var<'t>], x: &[f64]) -> Var<'t> {
    w.iter().zip(x).map(|(&w, &x)| x * w).sum()
}

fn square<'t>(w: &[Var<'t>]) -> Var<'t> {
    w.iter().map(|w| w.powi(2)).sum()
}

/// What a row is said to be: a number that follows from its features, though not simply.
fn label(row: &[f64]) -> f64 {
    row.iter().zip(1..).map(|(x, j)| (f64::from(j) * x + 0.3).sin()).sum()
}

fn logistic<'t>(w: &[Var<'t>], rows: &[Vec<f64>], penalty: f64) -> Var<'t> {
    let loss = |x: &Vec<f64>| {
        let z = dot(w, x) * if label(x) > 0.5 { -1.0 } else { 1.0 };
        z.softplus()
    };
    rows.iter().map(loss).sum::<Var<'t>>() + 0.5 * penalty * square(w)
}

fn softmax<'t>(w: &[Var<'t>], rows: &[Vec<f64>], classes: usize) -> Var<'t> {
    let size = w.len() / classes;
    let loss = |x: &Vec<f64>| {
        let logits: Vec<Var<'t>> = w.chunks_exact(size).map(|w| dot(&w[1..], x) + w[0]).collect();
        let class = ((label(x) + 3.0) * 0.9).floor().clamp(0.0, (classes - 1) as f64) as usize;
        logits.iter().map(|z| z.exp()).sum::<Var<'t>>().ln() - logits[class]
    };
    rows.iter().map(loss).sum::<Var<'t>>() + 0.5e-2 * square(w)
}

fn poisson<'t>(w: &[Var<'t>], rows: &[Vec<f64>]) -> Var<'t> {
    let loss = |x: &Vec<f64>| {
        let (z, count) = (dot(w, x), (2.0 * label(x)).abs().round());
        z.exp() - count * z
    };
    rows.iter().map(loss).sum()
}

/// Negative logarithm of Student's distribution with three degrees of freedom.
fn robust<'t>(w: &[Var<'t>], rows: &[Vec<f64>]) -> Var<'t> {
    rows.iter().map(|x| 2.0 * (1.0 + (dot(w, x) - label(x)).powi(2) / 0.3).ln()).sum()
}

/// Squared errors of a network with `tanh` between its layers; its targets are the inputs where there are as many of
/// them, and else functions of these.
fn network<'t>(w: &[Var<'t>], widths: &[usize], inputs: &[Vec<f64>], penalty: f64) -> Var<'t> {
    let outputs = widths[widths.len() - 1];
    let loss = |input: &Vec<f64>| {
        let mut layer: Vec<Var<'t>> = input.iter().map(|&x| Var::from(x)).collect();
        let mut rest = w;
        for (depth, &width) in widths[1..].iter().enumerate() {
            let (weights, others) = rest.split_at((layer.len() + 1) * width);
            rest = others;
            let unit = |w: &[Var<'t>]| {
                let sum = w[1..].iter().zip(&layer).map(|(&w, &x)| w * x).sum::<Var<'t>>() + w[0];
                if depth + 2 < widths.len() { sum.tanh() } else { sum }
            };
            layer = weights.chunks_exact(layer.len() + 1).map(unit).collect();
        }
        let target = |k: usize| {
            if outputs == input.len() { input[k] } else { label(input) * (k as f64 + 1.0).cos() }
        };
        (0..outputs).map(|k| (layer[k] - target(k)).powi(2)).sum::<Var<'t>>()
    };
    inputs.iter().map(loss).sum::<Var<'t>>() + 0.5 * penalty * square(w)
}

/// `‖A − U Vᵀ‖²` with `U` of 8 × 2 and `V` of 6 × 2.
fn factorization<'t>(x: &[Var<'t>], matrix: &[f64]) -> Var<'t> {
    let (u, v) = x.split_at(16);
    let entry = |k: usize, a: f64| {
        let (i, j) = (k / 6, k % 6);
        (u[2 * i] * v[2 * j] + u[2 * i + 1] * v[2 * j + 1] - a).powi(2)
    };
    matrix.iter().enumerate().map(|(k, &a)| entry(k, a)).sum::<Var<'t>>() + 1e-3 * square(x)
}

/// Points of a cubic lattice, shaken.
fn cluster(atoms: usize, seed: u64) -> Vec<f64> {
    let shake = uniform(seed, 3 * atoms, 0.1);
    let place = |i: usize| [i % 3, (i / 3) % 3, i / 9].map(|k| 1.15 * k as f64);
    (0..atoms).flat_map(place).zip(shake).map(|(x, shake)| x + shake).collect()
}

fn lennard_jones<'t>(x: &[Var<'t>]) -> Var<'t> {
    let atoms: Vec<&[Var<'t>]> = x.chunks_exact(3).collect();
    let pair = |i: usize, j: usize| {
        let square: Var<'t> = atoms[i].iter().zip(atoms[j]).map(|(&a, &b)| (a - b).powi(2)).sum();
        let attraction = square.powi(-3);
        4.0 * (attraction.powi(2) - attraction)
    };
    (1..atoms.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).sum()
}

fn biggs<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: i32| {
        let t = 0.1 * f64::from(i);
        let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
        x[2] * (-t * x[0]).exp() - x[3] * (-t * x[1]).exp() + x[5] * (-t * x[4]).exp() - y
    };
    (1..=13).map(|i| residual(i).powi(2)).sum()
}

fn three_exponentials<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: i32| {
        let t = 0.1 * f64::from(i);
        (-t * x[0]).exp() - (-t * x[1]).exp() - x[2] * ((-t).exp() - (-10.0 * t).exp())
    };
    (1..=10).map(|i| residual(i).powi(2)).sum()
}

fn jennrich_sampson<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: i32| {
        let i = f64::from(i);
        2.0 + 2.0 * i - ((i * x[0]).exp() + (i * x[1]).exp())
    };
    (1..=10).map(|i| residual(i).powi(2)).sum()
}

fn gulf<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: i32| {
        let t = f64::from(i) / 100.0;
        let y = 25.0 + (-50.0 * t.ln()).powf(2.0 / 3.0);
        let distance = ((x[1] - y).powi(2) + 1e-30).ln() * 0.5;
        (-(distance * x[2]).exp() / x[0]).exp() - t
    };
    (1..=99).map(|i| residual(i).powi(2)).sum()
}

fn watson<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: i32| {
        let t = f64::from(i) / 29.0;
        let terms = || (0..).zip(x);
        let slope: Var<'t> = terms().skip(1).map(|(j, &x)| f64::from(j) * t.powi(j - 1) * x).sum();
        slope - terms().map(|(j, &x)| t.powi(j) * x).sum::<Var<'t>>().powi(2) - 1.0
    };
    (1..=29).map(|i| residual(i).powi(2)).sum::<Var<'t>>()
        + x[0].powi(2)
        + (x[1] - x[0].powi(2) - 1.0).powi(2)
}

fn kowalik_osborne<'t>(x: &[Var<'t>]) -> Var<'t> {
    let y =
        [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246];
    let u = [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625];
    let residual = |(y, u): (f64, f64)| y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]);
    y.into_iter().zip(u).map(|pair| residual(pair).powi(2)).sum()
}

fn gaussian<'t>(x: &[Var<'t>]) -> Var<'t> {
    let half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521];
    let y = half.into_iter().chain([0.3989]).chain(half.into_iter().rev());
    let residual = |(i, y): (i32, f64)| {
        let t = (8.0 - f64::from(i)) / 2.0;
        x[0] * (-0.5 * x[1] * (t - x[2]).powi(2)).exp() - y
    };
    (1..).zip(y).map(|pair| residual(pair).powi(2)).sum()
}
