//! Test problems with derivatives by hand.

use dualtape_optimizers::{ByHand, Objective};

/// A residual at a point: value, gradient, and the row-major Hessian.
pub struct Residual(pub f64, pub Vec<f64>, pub Vec<f64>);

/// `f(x) = Σ rᵢ(x)²` from residuals with two derivatives each.
pub fn sum_of_squares(
    n: usize,
    residuals: impl Fn(&[f64]) -> Vec<Residual> + Copy,
) -> impl Objective<f64> {
    ByHand::new(
        n,
        move |x: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            residuals(x).iter().fold(0.0, |value, Residual(r, dr, _)| {
                g.iter_mut().zip(dr).for_each(|(g, d)| *g += 2.0 * r * d);
                value + r * r
            })
        },
        move |x: &[f64], v: &[f64], out: &mut [f64]| {
            out.fill(0.0);
            for Residual(r, dr, ddr) in residuals(x) {
                let along: f64 = dr.iter().zip(v).map(|(d, v)| d * v).sum();
                for (i, out) in out.iter_mut().enumerate() {
                    let row: f64 = ddr[i * n..(i + 1) * n].iter().zip(v).map(|(h, v)| h * v).sum();
                    *out += 2.0 * (along * dr[i] + r * row);
                }
            }
        },
    )
}

fn residual(value: f64, gradient: &[f64], hessian: &[(usize, usize, f64)]) -> Residual {
    let n = gradient.len();
    let mut dense = vec![0.0; n * n];
    for &(i, j, h) in hessian {
        dense[i * n + j] = h;
        dense[j * n + i] = h;
    }
    Residual(value, gradient.to_vec(), dense)
}

pub fn rosenbrock() -> impl Objective<f64> {
    sum_of_squares(2, |x| {
        vec![
            residual(10.0 * (x[1] - x[0] * x[0]), &[-20.0 * x[0], 10.0], &[(0, 0, -20.0)]),
            residual(1.0 - x[0], &[-1.0, 0.0], &[]),
        ]
    })
}

pub fn powell_singular() -> impl Objective<f64> {
    let (s5, s10) = (5_f64.sqrt(), 10_f64.sqrt());
    sum_of_squares(4, move |x| {
        let (a, b) = (x[1] - 2.0 * x[2], x[0] - x[3]);
        vec![
            residual(x[0] + 10.0 * x[1], &[1.0, 10.0, 0.0, 0.0], &[]),
            residual(s5 * (x[2] - x[3]), &[0.0, 0.0, s5, -s5], &[]),
            residual(
                a * a,
                &[0.0, 2.0 * a, -4.0 * a, 0.0],
                &[(1, 1, 2.0), (1, 2, -4.0), (2, 2, 8.0)],
            ),
            residual(
                s10 * b * b,
                &[2.0 * s10 * b, 0.0, 0.0, -2.0 * s10 * b],
                &[(0, 0, 2.0 * s10), (0, 3, -2.0 * s10), (3, 3, 2.0 * s10)],
            ),
        ]
    })
}

pub fn wood() -> impl Objective<f64> {
    let (s90, s10) = (90_f64.sqrt(), 10_f64.sqrt());
    sum_of_squares(4, move |x| {
        vec![
            residual(
                10.0 * (x[1] - x[0] * x[0]),
                &[-20.0 * x[0], 10.0, 0.0, 0.0],
                &[(0, 0, -20.0)],
            ),
            residual(1.0 - x[0], &[-1.0, 0.0, 0.0, 0.0], &[]),
            residual(
                s90 * (x[3] - x[2] * x[2]),
                &[0.0, 0.0, -2.0 * s90 * x[2], s90],
                &[(2, 2, -2.0 * s90)],
            ),
            residual(1.0 - x[2], &[0.0, 0.0, -1.0, 0.0], &[]),
            residual(s10 * (x[1] + x[3] - 2.0), &[0.0, s10, 0.0, s10], &[]),
            residual((x[1] - x[3]) / s10, &[0.0, 1.0 / s10, 0.0, -1.0 / s10], &[]),
        ]
    })
}

pub fn beale() -> impl Objective<f64> {
    sum_of_squares(2, |x| {
        [1.5, 2.25, 2.625]
            .iter()
            .zip(1..)
            .map(|(y, i)| {
                let k = f64::from(i);
                let (p, dp) = (x[1].powi(i), k * x[1].powi(i - 1));
                let ddp = if i > 1 { k * (k - 1.0) * x[1].powi(i - 2) } else { 0.0 };
                residual(
                    y - x[0] * (1.0 - p),
                    &[p - 1.0, x[0] * dp],
                    &[(0, 1, dp), (1, 1, x[0] * ddp)],
                )
            })
            .collect()
    })
}

pub fn brown_dennis() -> impl Objective<f64> {
    sum_of_squares(4, |x| {
        (1..=20)
            .map(|i| {
                let t = f64::from(i) / 5.0;
                let (a, b) = (x[0] + t * x[1] - t.exp(), x[2] + x[3] * t.sin() - t.cos());
                let (da, db) = ([1.0, t, 0.0, 0.0], [0.0, 0.0, 1.0, t.sin()]);
                let gradient: Vec<f64> = (0..4).map(|k| 2.0 * (a * da[k] + b * db[k])).collect();
                let hessian =
                    (0..16).map(|k| 2.0 * (da[k / 4] * da[k % 4] + db[k / 4] * db[k % 4]));
                Residual(a * a + b * b, gradient, hessian.collect())
            })
            .collect()
    })
}

/// `f(x) = ½ xᵀA x − bᵀx`, the matrix row-major.
pub fn quadratic(a: Vec<f64>, b: Vec<f64>) -> impl Objective<f64> {
    let n = b.len();
    let matrix = a.clone();
    let product = |a: &[f64], v: &[f64], out: &mut [f64]| {
        for (out, row) in out.iter_mut().zip(a.chunks_exact(v.len())) {
            *out = row.iter().zip(v).map(|(a, v)| a * v).sum();
        }
    };
    ByHand::new(
        n,
        move |x: &[f64], g: &mut [f64]| {
            product(&a, x, g);
            let value = x.iter().zip(&*g).zip(&b).map(|((x, g), b)| x * (0.5 * g - b)).sum();
            g.iter_mut().zip(&b).for_each(|(g, b)| *g -= b);
            value
        },
        move |_: &[f64], v: &[f64], out: &mut [f64]| product(&matrix, v, out),
    )
}

/// `x² − y² + y⁴`: a saddle at the origin, minima of −¼ at `(0, ±1/√2)`.
pub fn saddle() -> impl Objective<f64> {
    ByHand::new(
        2,
        |x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (2.0 * x[0], -2.0 * x[1] + 4.0 * x[1].powi(3));
            x[0].powi(2) - x[1].powi(2) + x[1].powi(4)
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            (hv[0], hv[1]) = (2.0 * v[0], (12.0 * x[1] * x[1] - 2.0) * v[1]);
        },
    )
}

/// `x − ln x + y²`, NaN for negative `x`: full steps leave the domain.
pub fn barrier() -> impl Objective<f64> {
    ByHand::new(
        2,
        |x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (1.0 - 1.0 / x[0], 2.0 * x[1]);
            x[0] - x[0].ln() + x[1] * x[1]
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| (hv[0], hv[1]) = (v[0] / (x[0] * x[0]), 2.0 * v[1]),
    )
}

/// In single precision.
pub fn rosenbrock_f32() -> impl Objective<f32> {
    ByHand::new(
        2,
        |x: &[f32], g: &mut [f32]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (g[0], g[1]) = (-2.0 * a - 400.0 * x[0] * b, 200.0 * b);
            a * a + 100.0 * b * b
        },
        |x: &[f32], v: &[f32], hv: &mut [f32]| {
            hv[0] = (2.0 - 400.0 * (x[1] - 3.0 * x[0] * x[0])) * v[0] - 400.0 * x[0] * v[1];
            hv[1] = -400.0 * x[0] * v[0] + 200.0 * v[1];
        },
    )
}

/// Fails unless `|got − want| ≤ tolerance · max|want|`, and says where.
pub fn assert_close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(f64::MIN_POSITIVE, |max, w| max.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let error = (g - w).abs() / scale;
        assert!(error <= tolerance, "{what}[{i}]: got {g:e}, want {w:e}, relative error {error:e}");
    }
}
