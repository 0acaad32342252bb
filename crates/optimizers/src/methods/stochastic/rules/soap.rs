//! SOAP.

use std::ops::Range;

use dualtape_autodiff::{Real, parts::Parts};

use super::matrices::{Matrices, Placed, eigen, product, transposed};
use super::preset::{Betas, Epsilon, OfMatrices, Preset, require_betas, require_epsilon};
use crate::check::require_count;
use crate::engine::Setting;
use crate::error::Error;
use crate::linalg::{Basis, dot};
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::Gradient;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// SOAP: [`Adam`](crate::Adam) in the eigenbasis of [`Shampoo`](crate::Shampoo)'s matrices (Vyas et al., ICLR 2025, Alg. 3), in the
    /// form of its authors' code: for each [matrix](Stepper::matrix) of parameters with gradient `G`
    ///
    /// ```text
    /// G' = Qₗᵀ G Qᵣ
    /// M ← β₁ M + (1 − β₁) G,   V ← β₂ V + (1 − β₂) G'²
    /// X ← X − α √(1 − β₂ᵗ)/(1 − β₁ᵗ) · Qₗ [Qₗᵀ M Qᵣ / (√V + ε)] Qᵣᵀ
    /// L ← β₂ L + (1 − β₂) G Gᵀ,   R ← β₂ R + (1 − β₂) Gᵀ G
    /// ```
    ///
    /// and every `k` steps a power iteration on `L` and `R` brings `Qₗ` and `Qᵣ`, sorted by eigenvalues, up to date. The first step
    /// only makes `L`, `R` and their eigenvectors and **does not move** `x`, so that no gradient is seen in a basis that it made. A
    /// side longer than the [largest](Stepper::max_dimension) keeps its own basis. Parameters in no matrix move by Adam.
    ///
    /// **Defaults**: `α = 3·10⁻³`, `β = (0.95, 0.95)`, `ε = 10⁻⁸`, `k = 10`, sides up to 10 000, `λ = 0`; its authors use
    /// [decoupled weight decay](Stepper::decoupled_weight_decay) of 0.01, which their code takes of the point after the step, and this
    /// of the one before.
    ///
    /// **Use it** where Adam is good and a step's gradient dear. Of an `r × c` matrix a step costs `O(rc(r + c))`, an update of the
    /// bases `O(r³ + c³)`; `2(r² + c² + rc)` numbers are kept.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::Soap;
    ///
    /// // a quadratic in a 2 × 2 matrix that is far from diagonal in its entries
    /// let mut soap = Soap::new(0.1).matrix(0..4, 2, 2);
    /// let mut x = [1.0_f64, 2.0, 3.0, 4.0];
    /// for step in 0..500 {
    ///     soap.set_learning_rate(0.1 * 0.99_f64.powi(step));
    ///     let [p, q] = [x[0] + x[2], x[1] + x[3]];
    ///     let [r, s] = [x[0] - x[2], x[1] - x[3]];
    ///     let gradient = [p + 0.01 * r, q + 0.01 * s, p - 0.01 * r, q - 0.01 * s];
    ///     soap.step(&mut x, &gradient)?;
    /// }
    /// assert!(x.iter().all(|x| x.abs() < 0.05));
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Soap<'c, S> = Stepper<'c, S, rules::Soap<S>>;
}

/// The rule of [`Soap`](crate::Soap).
#[derive(Debug, Clone)]
pub struct Soap<S> {
    betas: [S; 2],
    epsilon: S,
    every: usize,
    largest: usize,
    matrices: Matrices,
}

impl<S: Real> Default for Soap<S> {
    fn default() -> Self {
        Soap {
            betas: [0.95, 0.95].map(S::constant),
            epsilon: S::constant(1e-8),
            every: 10,
            largest: 10_000,
            matrices: Matrices::default(),
        }
    }
}

impl<S: Real> Preset<S> for Soap<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 3e-3;
}

impl<S> Betas<S> for Soap<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for Soap<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S> OfMatrices for Soap<S> {
    fn matrices_mut(&mut self) -> &mut Matrices {
        &mut self.matrices
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Soap<S>, C> {
    /// After how many steps the bases are brought up to date.
    #[must_use]
    pub fn basis_interval(self, steps: usize) -> Self {
        self.rule_with(|rule| rule.every = steps)
    }

    /// The longest side of a matrix that has a basis of its own.
    #[must_use]
    pub fn max_dimension(self, dimension: usize) -> Self {
        self.rule_with(|rule| rule.largest = dimension)
    }
}

impl<S: Real> Rule<S> for Soap<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)?;
        require_count("basis_interval", self.every)
    }

    fn means_places(&self) -> bool {
        self.matrices.means_places()
    }

    fn locate(&mut self, parts: Option<&Parts>) -> Result<(), Error> {
        self.matrices.locate(parts)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        let mut all = vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("basis_interval", self.every as f64),
            ("max_dimension", self.largest as f64),
        ];
        all.extend(self.matrices.settings());
        all
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let n = range.len();
        let mut lists = vec![Memory::zeros("first", n), Memory::zeros("second", n)];
        lists.extend(self.matrices.memory(&range, self.largest, ["left", "right"]));
        lists.extend(self.matrices.memory(&range, self.largest, ["left_basis", "right_basis"]));
        lists
    }

    fn update(&self, mut update: Update<'_, S>) -> Result<(), Error> {
        let matrices = self.matrices.within(&update.range, self.largest)?;
        let (one, [beta1, beta2]) = (S::one(), self.betas);
        let g = update.decayed_gradient();
        let memory = std::mem::take(&mut update.memory);
        let [first, second, left, right, left_basis, right_basis] = memory else {
            unreachable!("as many lists as were asked for")
        };
        // Of the steps that move.
        update.step -= 1;
        if update.step > 0 {
            for (m, &g) in first.iter_mut().zip(&g) {
                *m = beta1 * *m + (one - beta1) * g;
            }
            let (mut turned, mut direction) = (g.clone(), first.clone());
            for matrix in &matrices {
                let bases = [&left_basis[..], &right_basis[..]];
                matrix.multiply(&mut turned[matrix.entries.clone()], bases, [true, false]);
                matrix.multiply(&mut direction[matrix.entries.clone()], bases, [true, false]);
            }
            let factor = update.bias(beta2).sqrt() / update.bias(beta1);
            for ((d, v), &g) in direction.iter_mut().zip(&mut *second).zip(&turned) {
                *v = beta2 * *v + (one - beta2) * g * g;
                *d = factor * *d / (v.sqrt() + self.epsilon);
            }
            for matrix in &matrices {
                let bases = [&left_basis[..], &right_basis[..]];
                matrix.multiply(&mut direction[matrix.entries.clone()], bases, [false, true]);
            }
            let (step, every) = (update.step, self.every as u64);
            update.move_along(&direction);
            for matrix in &matrices {
                matrix.gather(&g, [left, right], [beta2, one - beta2]);
                if step.is_multiple_of(every) {
                    refresh(matrix, left, right, left_basis, right_basis, second);
                }
            }
        } else {
            for matrix in &matrices {
                matrix.gather(&g, [left, right], [beta2, one - beta2]);
                start(&matrix.left, matrix.rows, left, left_basis)?;
                start(&matrix.right, matrix.columns, right, right_basis)?;
            }
        }
        Ok(())
    }
}

/// The eigenvectors as the columns of `Q`, the largest eigenvalue's first.
fn start<S: Real>(
    side: &Option<Range<usize>>,
    size: usize,
    kept: &[S],
    bases: &mut [S],
) -> Result<(), Error> {
    let Some(side) = side.clone() else { return Ok(()) };
    let eigen = eigen(size, &kept[side.clone()])?;
    let rows: Vec<S> = (0..size).rev().flat_map(|k| eigen.vector::<S>(k)).collect();
    bases[side].copy_from_slice(&transposed(&rows, size));
    Ok(())
}

/// A power iteration for both bases of a matrix; `second` follows where columns change places.
fn refresh<S: Real>(
    matrix: &Placed,
    left: &[S],
    right: &[S],
    left_basis: &mut [S],
    right_basis: &mut [S],
    second: &mut [S],
) {
    let second = &mut second[matrix.entries.clone()];
    if let Some(side) = matrix.left.clone() {
        let order = iterate(&left[side.clone()], &mut left_basis[side], matrix.rows);
        let rows: Vec<&[S]> = second.chunks_exact(matrix.columns).collect();
        let sorted: Vec<S> = order.iter().flat_map(|&k| rows[k]).copied().collect();
        second.copy_from_slice(&sorted);
    }
    if let Some(side) = matrix.right.clone() {
        let order = iterate(&right[side.clone()], &mut right_basis[side], matrix.columns);
        for row in second.chunks_exact_mut(matrix.columns) {
            let sorted: Vec<S> = order.iter().map(|&k| row[k]).collect();
            row.copy_from_slice(&sorted);
        }
    }
}

/// `Q ← orthonormal A Q`, after the columns are sorted by `qᵀA q`, the largest first. Returns the order.
fn iterate<S: Real>(a: &[S], basis: &mut [S], size: usize) -> Vec<usize> {
    let old = transposed(basis, size);
    // The columns of A Q as rows, since A is symmetric.
    let turned = product(&old, a, size);
    let columns: Vec<(&[S], &[S])> =
        old.chunks_exact(size).zip(turned.chunks_exact(size)).collect();
    let estimates: Vec<S> = columns.iter().map(|(q, aq)| dot(q, aq)).collect();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&i, &j| estimates[j].as_f64().total_cmp(&estimates[i].as_f64()));
    let mut new = Basis::new(size);
    for &k in &order {
        let (q, aq) = columns[k];
        // A column that A sends into the span of those before is replaced by what it was, or by a unit vector.
        let units = (0..size).map(|i| {
            let mut unit = vec![S::zero(); size];
            unit[i] = S::one();
            unit
        });
        for mut column in [aq.to_vec(), q.to_vec()].into_iter().chain(units) {
            let before = crate::linalg::norm(&column);
            let after = new.orthogonalize(&mut column);
            if after > S::epsilon() * S::constant(8.0 * size as f64) * before {
                crate::linalg::normalize(&mut column);
                new.push(&column);
                break;
            }
        }
    }
    let rows: Vec<S> = new.vectors().flatten().copied().collect();
    basis.copy_from_slice(&transposed(&rows, size));
    order
}
