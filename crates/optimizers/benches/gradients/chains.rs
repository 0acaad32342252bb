//! Functions of any number of variables, as the literature has them: J. J. Moré, B. S. Garbow & K. E. Hillstrom, *Testing
//! Unconstrained Optimization Software*, ACM TOMS 7(1), 1981; N. Andrei, *An Unconstrained Optimization Test Functions
//! Collection*, Advanced Modeling and Optimization 10(1), 2008 (many of them CUTE's, whose names they bear here).

use std::f64::consts::TAU;

use dualtape_autodiff::Var;
use dualtape_optimizers::Error;

use super::{Problem, ramp};

/// All of them, each in the dimensions at which it is tried.
pub fn all() -> Result<Vec<Problem>, Error> {
    let mut all = Vec::new();
    for n in [100, 1000] {
        let start = alternating(n, -1.2, 1.0);
        all.push(Problem::new(format!("extended Rosenbrock {n}"), start, extended_rosenbrock)?);
    }
    for n in [5, 20, 50] {
        let start = alternating(n, -1.2, 1.0);
        all.push(Problem::new(format!("chained Rosenbrock {n}"), start, chained_rosenbrock)?);
    }
    for n in [20, 1000] {
        let start = alternating(n, -3.0, -1.0);
        all.push(Problem::new(format!("extended Wood {n}"), start, extended_wood)?);
    }
    all.push(Problem::new("chained Wood 50", alternating(50, -3.0, -1.0), chained_wood)?);
    let start = [3.0, -1.0, 0.0, 1.0].repeat(25);
    all.push(Problem::new("extended Powell singular 100", start, extended_powell)?);
    for n in [50, 500] {
        let start = vec![-1.0; n];
        all.push(Problem::new(format!("Broyden tridiagonal {n}"), start, broyden_tridiagonal)?);
    }
    all.push(Problem::new("Broyden banded 50", vec![-1.0; 50], broyden_banded)?);
    for n in [10, 40, 100] {
        let weights = ramp(n, |t| (6.0 * t).exp());
        let start = weights.iter().map(|w| 1.0 / w).collect();
        all.push(Problem::new(format!("scaled Broyden banded {n}"), start, move |x| {
            broyden_banded(&scaled(x, &weights))
        })?);
    }
    for n in [10, 100] {
        let weights = ramp(n, |t| (6.0 * t).exp());
        let start = weights.iter().map(|w| 1.0 / w).collect();
        all.push(Problem::new(format!("SSBRYBND {n}"), start, move |x| {
            ssbrybnd(&scaled(x, &weights))
        })?);
    }
    for n in [10, 30] {
        let weights = ramp(n, |t| (4.0 * t - 2.0).exp());
        let start = weights.iter().map(|w| -1.0 / w).collect();
        all.push(Problem::new(format!("scaled chained Rosenbrock {n}"), start, move |x| {
            chained_rosenbrock(&scaled(x, &weights))
        })?);
    }
    for n in [10, 50, 200] {
        let start = vec![1.0 / n as f64; n];
        all.push(Problem::new(format!("trigonometric {n}"), start, trigonometric)?);
    }
    for n in [10, 100] {
        let start = ramp(n, |t| 1.0 + t * (n - 1) as f64);
        all.push(Problem::new(format!("penalty I {n}"), start, penalty_one)?);
    }
    all.push(Problem::new("penalty II 10", vec![0.5; 10], penalty_two)?);
    for n in [30, 100] {
        let start = (1..=n).map(|i| 1.0 - f64::from(i) / f64::from(n)).collect();
        all.push(Problem::new(format!("variably dimensioned {n}"), start, variably_dimensioned)?);
    }
    for n in [10, 100] {
        all.push(Problem::new(format!("Dixon–Price {n}"), vec![1.0; n], dixon_price)?);
    }
    all.push(Problem::new("Brown almost linear 10", vec![0.5; 10], brown_almost_linear)?);
    all.push(Problem::new(
        "Chebyquad 8",
        (1..=8).map(|i| f64::from(i) / 9.0).collect(),
        chebyquad,
    )?);
    all.push(Problem::new("integral equation 40", ramp(40, |t| t * (t - 1.0)), integral_equation)?);
    all.push(Problem::new("TRIDIA 50", vec![1.0; 50], tridia)?);
    all.push(Problem::new("ARWHEAD 100", vec![1.0; 100], arwhead)?);
    all.push(Problem::new("NONDIA 100", vec![-1.0; 100], nondia)?);
    all.push(Problem::new("LIARWHD 100", vec![4.0; 100], liarwhd)?);
    all.push(Problem::new("ENGVAL1 100", vec![2.0; 100], engval1)?);
    all.push(Problem::new("EDENSCH 100", vec![0.0; 100], edensch)?);
    all.push(Problem::new("CRAGGLVY 50", [vec![1.0], vec![2.0; 49]].concat(), cragglvy)?);
    all.push(Problem::new("BDQRTIC 50", vec![1.0; 50], bdqrtic)?);
    all.push(Problem::new("POWER 30", vec![1.0; 30], power)?);
    all.push(Problem::new("DQRTIC 50", vec![2.0; 50], dqrtic)?);
    all.push(Problem::new("NONDQUAR 50", alternating(50, 1.0, -1.0), nondquar)?);
    all.push(Problem::new("DIXMAANA 90", vec![2.0; 90], |x| {
        dixmaan(x, [1.0, 0.0, 0.125, 0.125], 0)
    })?);
    all.push(Problem::new("DIXMAANF 90", vec![2.0; 90], |x| {
        dixmaan(x, [1.0, 0.0625, 0.0625, 0.0625], 1)
    })?);
    all.push(Problem::new("DIXMAANI 90", vec![2.0; 90], |x| {
        dixmaan(x, [1.0, 0.0, 0.125, 0.125], 2)
    })?);
    all.push(Problem::new("FLETCHCR 30", vec![0.0; 30], fletchcr)?);
    all.push(Problem::new("COSINE 100", vec![1.0; 100], cosine)?);
    all.push(Problem::new("SINQUAD 20", vec![0.1; 20], sinquad)?);
    all.push(Problem::new("VAREIGVL 50", vec![1.0; 50], vareigvl)?);
    all.push(Problem::new("Bratu 60", vec![0.0; 60], bratu)?);
    all.push(Problem::new("minimal surface 8 × 8", vec![0.0; 64], |x| minimal_surface(x, 8))?);
    all.push(Problem::new("minimal surface 20 × 20", vec![0.0; 400], |x| minimal_surface(x, 20))?);
    Ok(all)
}

fn alternating(n: usize, even: f64, odd: f64) -> Vec<f64> {
    (0..n).map(|i| if i % 2 == 0 { even } else { odd }).collect()
}

fn scaled<'t>(x: &[Var<'t>], weights: &[f64]) -> Vec<Var<'t>> {
    x.iter().zip(weights).map(|(&x, &w)| w * x).collect()
}

/// `xᵢ`, and 0 beyond either end.
fn inside<'t>(x: &[Var<'t>], i: usize, back: usize) -> Var<'t> {
    i.checked_sub(back).and_then(|i| x.get(i)).copied().unwrap_or(Var::from(0.0))
}

fn rosenbrock<'t>(x: &[Var<'t>]) -> Var<'t> {
    100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)
}

fn extended_rosenbrock<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.chunks_exact(2).map(rosenbrock).sum()
}

fn chained_rosenbrock<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.windows(2).map(rosenbrock).sum()
}

fn wood<'t>(x: &[Var<'t>]) -> Var<'t> {
    rosenbrock(x)
        + 90.0 * (x[3] - x[2] * x[2]).powi(2)
        + (1.0 - x[2]).powi(2)
        + 10.0 * (x[1] + x[3] - 2.0).powi(2)
        + 0.1 * (x[1] - x[3]).powi(2)
}

fn extended_wood<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.chunks_exact(4).map(wood).sum()
}

fn chained_wood<'t>(x: &[Var<'t>]) -> Var<'t> {
    1.0 + x.windows(4).step_by(2).map(wood).sum::<Var<'t>>()
}

fn extended_powell<'t>(x: &[Var<'t>]) -> Var<'t> {
    let block = |x: &[Var<'t>]| {
        (x[0] + 10.0 * x[1]).powi(2)
            + 5.0 * (x[2] - x[3]).powi(2)
            + (x[1] - 2.0 * x[2]).powi(4)
            + 10.0 * (x[0] - x[3]).powi(4)
    };
    x.chunks_exact(4).map(block).sum()
}

fn broyden_tridiagonal<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual =
        |i: usize| (3.0 - 2.0 * x[i]) * x[i] - inside(x, i, 1) - 2.0 * inside(x, i + 1, 0) + 1.0;
    (0..x.len()).map(|i| residual(i).powi(2)).sum()
}

fn broyden_banded<'t>(x: &[Var<'t>]) -> Var<'t> {
    let residual = |i: usize| {
        let band = (i.saturating_sub(5)..(i + 2).min(x.len())).filter(|&j| j != i);
        x[i] * (2.0 + 5.0 * x[i] * x[i]) + 1.0 - band.map(|j| x[j] * (1.0 + x[j])).sum::<Var<'t>>()
    };
    (0..x.len()).map(|i| residual(i).powi(2)).sum()
}

/// As CUTE has it (L. Lukšan, C. Matonoha & J. Vlček, *Modified CUTE Problems for Sparse Unconstrained Optimization*, 2010,
/// problem 48): without the constant, and with squares and cubes in each other's place but for the first and the last rows.
fn ssbrybnd<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let residual = |i: usize| {
        let (own, others) = if (5..n - 2).contains(&i) { (2, 3) } else { (3, 2) };
        let band = (i.saturating_sub(5)..(i + 2).min(n)).filter(|&j| j != i);
        2.0 * x[i] + 5.0 * x[i].powi(own) - band.map(|j| x[j] + x[j].powi(others)).sum::<Var<'t>>()
    };
    (0..n).map(|i| residual(i).powi(2)).sum()
}

fn trigonometric<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len() as f64;
    let cosines: Var<'t> = x.iter().map(|x| x.cos()).sum();
    let residual = |(i, x): (f64, &Var<'t>)| n - cosines + i * (1.0 - x.cos()) - x.sin();
    (1..).map(f64::from).zip(x).map(|pair| residual(pair).powi(2)).sum()
}

fn penalty_one<'t>(x: &[Var<'t>]) -> Var<'t> {
    let square: Var<'t> = x.iter().map(|x| x.powi(2)).sum();
    1e-5 * x.iter().map(|&x| (x - 1.0).powi(2)).sum::<Var<'t>>() + (square - 0.25).powi(2)
}

fn penalty_two<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let pair = |(i, p): (u32, &[Var<'t>])| {
        let y = (f64::from(i + 1) / 10.0).exp() + (f64::from(i) / 10.0).exp();
        ((p[0] / 10.0).exp() + (p[1] / 10.0).exp() - y).powi(2)
            + ((p[1] / 10.0).exp() - (-0.1_f64).exp()).powi(2)
    };
    let weighted = (0..n).map(|j| (n - j) as f64 * x[j].powi(2)).sum::<Var<'t>>();
    (x[0] - 0.2).powi(2)
        + 1e-5 * (1..).zip(x.windows(2)).map(pair).sum::<Var<'t>>()
        + (weighted - 1.0).powi(2)
}

fn variably_dimensioned<'t>(x: &[Var<'t>]) -> Var<'t> {
    let weighted: Var<'t> = (1..).map(f64::from).zip(x).map(|(j, &x)| j * (x - 1.0)).sum();
    x.iter().map(|&x| (x - 1.0).powi(2)).sum::<Var<'t>>() + weighted.powi(2) + weighted.powi(4)
}

fn dixon_price<'t>(x: &[Var<'t>]) -> Var<'t> {
    let term = |(i, p): (u32, &[Var<'t>])| f64::from(i) * (2.0 * p[1].powi(2) - p[0]).powi(2);
    (x[0] - 1.0).powi(2) + (2..).zip(x.windows(2)).map(term).sum::<Var<'t>>()
}

fn brown_almost_linear<'t>(x: &[Var<'t>]) -> Var<'t> {
    let (n, sum) = (x.len(), x.iter().copied().sum::<Var<'t>>());
    let product = x.iter().fold(Var::from(1.0), |product, &x| product * x);
    let linear = x[..n - 1].iter().map(|&x| (x + sum - (n + 1) as f64).powi(2));
    linear.sum::<Var<'t>>() + (product - 1.0).powi(2)
}

fn chebyquad<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let mut means = vec![Var::from(0.0); n];
    for &x in x {
        let (mut before, mut polynomial) = (Var::from(1.0), 2.0 * x - 1.0);
        let twice = 2.0 * polynomial;
        for mean in &mut means {
            *mean += polynomial / n as f64;
            (before, polynomial) = (polynomial, twice * polynomial - before);
        }
    }
    let integral = |i: f64| if i % 2.0 == 0.0 { -1.0 / (i * i - 1.0) } else { 0.0 };
    (1..).map(f64::from).zip(means).map(|(i, mean)| (mean - integral(i)).powi(2)).sum()
}

fn integral_equation<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let (h, t) = (1.0 / (n + 1) as f64, |i: usize| (i + 1) as f64 / (n + 1) as f64);
    let cubes: Vec<Var<'t>> = (0..n).map(|j| (x[j] + t(j) + 1.0).powi(3)).collect();
    let residual = |i: usize| {
        let below: Var<'t> = (0..=i).map(|j| t(j) * cubes[j]).sum();
        let above: Var<'t> = (i + 1..n).map(|j| (1.0 - t(j)) * cubes[j]).sum();
        x[i] + 0.5 * h * ((1.0 - t(i)) * below + t(i) * above)
    };
    (0..n).map(|i| residual(i).powi(2)).sum()
}

fn tridia<'t>(x: &[Var<'t>]) -> Var<'t> {
    let term = |(i, p): (u32, &[Var<'t>])| f64::from(i) * (2.0 * p[1] - p[0]).powi(2);
    (x[0] - 1.0).powi(2) + (2..).zip(x.windows(2)).map(term).sum::<Var<'t>>()
}

fn arwhead<'t>(x: &[Var<'t>]) -> Var<'t> {
    let (last, rest) = (x[x.len() - 1], &x[..x.len() - 1]);
    rest.iter().map(|&x| (x.powi(2) + last.powi(2)).powi(2) - 4.0 * x + 3.0).sum()
}

fn nondia<'t>(x: &[Var<'t>]) -> Var<'t> {
    let term = |x_i: &Var<'t>| 100.0 * (x[0] - x_i.powi(2)).powi(2);
    (x[0] - 1.0).powi(2) + x[..x.len() - 1].iter().map(term).sum::<Var<'t>>()
}

fn liarwhd<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.iter().map(|&x_i| 4.0 * (x_i.powi(2) - x[0]).powi(2) + (x_i - 1.0).powi(2)).sum()
}

fn engval1<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.windows(2).map(|p| (p[0].powi(2) + p[1].powi(2)).powi(2) - 4.0 * p[0] + 3.0).sum()
}

fn edensch<'t>(x: &[Var<'t>]) -> Var<'t> {
    let term = |p: &[Var<'t>]| {
        (p[0] - 2.0).powi(4) + (p[0] * p[1] - 2.0 * p[1]).powi(2) + (p[1] + 1.0).powi(2)
    };
    16.0 + x.windows(2).map(term).sum::<Var<'t>>()
}

fn cragglvy<'t>(x: &[Var<'t>]) -> Var<'t> {
    let term = |p: &[Var<'t>]| {
        let difference = p[2] - p[3];
        (p[0].exp() - p[1]).powi(4)
            + 100.0 * (p[1] - p[2]).powi(6)
            + (difference.tan() + difference).powi(4)
            + p[0].powi(8)
            + (p[3] - 1.0).powi(2)
    };
    x.windows(4).step_by(2).map(term).sum()
}

fn bdqrtic<'t>(x: &[Var<'t>]) -> Var<'t> {
    let last = x[x.len() - 1].powi(2);
    let term = |p: &[Var<'t>]| {
        let squares = p[0].powi(2) + 2.0 * p[1].powi(2) + 3.0 * p[2].powi(2) + 4.0 * p[3].powi(2);
        (3.0 - 4.0 * p[0]).powi(2) + (squares + 5.0 * last).powi(2)
    };
    x.windows(4).map(term).sum()
}

fn power<'t>(x: &[Var<'t>]) -> Var<'t> {
    (1..).map(f64::from).zip(x).map(|(i, &x)| (i * x).powi(2)).sum()
}

fn dqrtic<'t>(x: &[Var<'t>]) -> Var<'t> {
    (1..).map(f64::from).zip(x).map(|(i, &x)| (x - i).powi(4)).sum()
}

fn nondquar<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let term = |p: &[Var<'t>]| (p[0] + p[1] + x[n - 1]).powi(4);
    (x[0] - x[1]).powi(2)
        + x[..n - 1].windows(2).map(term).sum::<Var<'t>>()
        + (x[n - 2] + x[n - 1]).powi(2)
}

/// `n` a multiple of 3; `growth` is the power of `i/n` that the first and the last terms are weighted by.
fn dixmaan<'t>(x: &[Var<'t>], [alpha, beta, gamma, delta]: [f64; 4], growth: i32) -> Var<'t> {
    let (n, m) = (x.len(), x.len() / 3);
    let weight = |i: usize| ((i + 1) as f64 / n as f64).powi(growth);
    let own = (0..n).map(|i| alpha * weight(i) * x[i].powi(2)).sum::<Var<'t>>();
    let next = |i: usize| x[i].powi(2) * (x[i + 1] + x[i + 1].powi(2)).powi(2);
    let far = (0..2 * m).map(|i| gamma * x[i].powi(2) * x[i + m].powi(4)).sum::<Var<'t>>();
    let farthest = (0..m).map(|i| delta * weight(i) * x[i] * x[i + 2 * m]).sum::<Var<'t>>();
    1.0 + own + beta * (0..n - 1).map(next).sum::<Var<'t>>() + far + farthest
}

fn fletchcr<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.windows(2).map(|p| 100.0 * (p[1] - p[0] + 1.0 - p[0].powi(2)).powi(2)).sum()
}

fn cosine<'t>(x: &[Var<'t>]) -> Var<'t> {
    x.windows(2).map(|p| (p[0].powi(2) - 0.5 * p[1]).cos()).sum()
}

fn sinquad<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let term = |&x_i: &Var<'t>| ((x_i - x[n - 1]).sin() - x[0].powi(2) + x_i.powi(2)).powi(2);
    (x[0] - 1.0).powi(4)
        + x[1..n - 1].iter().map(term).sum::<Var<'t>>()
        + (x[n - 1].powi(2) - x[0].powi(2)).powi(2)
}

fn vareigvl<'t>(x: &[Var<'t>]) -> Var<'t> {
    let n = x.len();
    let matrix = |i: usize, j: usize| {
        if i == j { (i + 1) as f64 } else { 0.01 / (1 + i.abs_diff(j)) as f64 }
    };
    let (q, mean) = (1.5, x.iter().map(|x| x.powi(2)).sum::<Var<'t>>());
    let form: Var<'t> =
        (0..n).map(|i| x[i] * (0..n).map(|j| matrix(i, j) * x[j]).sum::<Var<'t>>()).sum();
    // |x|²ᵠ of a problem about eigenvalues
    0.5 * form - x.iter().copied().sum::<Var<'t>>() + (mean.ln() * q).exp() / n as f64
}

/// The energy `½u'² − λeᵘ` of Bratu's equation on a line, `u = 0` at both ends.
fn bratu<'t>(x: &[Var<'t>]) -> Var<'t> {
    let (n, lambda) = (x.len(), 3.0);
    let h = 1.0 / (n + 1) as f64;
    let slopes = (0..=n).map(|i| (inside(x, i, 0) - inside(x, i, 1)).powi(2)).sum::<Var<'t>>();
    slopes / (2.0 * h) - lambda * h * x.iter().map(|x| x.exp()).sum::<Var<'t>>()
}

/// The area of a surface over the unit square whose edge is bent, as a sum over `side + 1` by `side + 1` squares.
fn minimal_surface<'t>(x: &[Var<'t>], side: usize) -> Var<'t> {
    let h = 1.0 / (side + 1) as f64;
    let height = |i: usize, j: usize| {
        let inner = |k: usize| (1..=side).contains(&k);
        if inner(i) && inner(j) {
            return x[(i - 1) * side + (j - 1)];
        }
        let (s, t) = (i as f64 * h, j as f64 * h);
        Var::from(0.6 * (TAU * s).sin() - 0.4 * (TAU * t).cos() + s * t)
    };
    let square = |i: usize, j: usize| {
        let (rise, fall) =
            (height(i + 1, j + 1) - height(i, j), height(i + 1, j) - height(i, j + 1));
        (1.0 + (rise.powi(2) + fall.powi(2)) / (2.0 * h * h)).sqrt()
    };
    h * h
        * (0..=side)
            .flat_map(|i| (0..=side).map(move |j| (i, j)))
            .map(|(i, j)| square(i, j))
            .sum::<Var<'t>>()
}
