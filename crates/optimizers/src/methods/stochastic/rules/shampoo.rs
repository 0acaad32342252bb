//! Shampoo.

use std::ops::Range;

use dualtape_autodiff::{Real, parts::Parts};

use super::matrices::{Matrices, eigen};
use super::preset::{Betas, Epsilon, OfMatrices, Preset, require_epsilon, require_weight};
use crate::check::{require, require_count};
use crate::engine::Setting;
use crate::error::Error;
use crate::linalg::{norm, scale};
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::Gradient;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// Shampoo (Gupta, Koren & Singer, ICML 2018, Alg. 1), with grafting (Anil et al., arXiv 2002.09018): for each
    /// [matrix](Stepper::matrix) of parameters with gradient `G`
    ///
    /// ```text
    /// L ← L + G Gᵀ,   R ← R + Gᵀ G           with β₂ < 1 averages, divided by 1 − β₂ᵗ
    /// M ← β₁ M + (1 − β₁) G                   divided by 1 − β₁ᵗ
    /// P = (L + ε λmax(L) I)^(−1/4) M (R + ε λmax(R) I)^(−1/4)
    /// X ← X − α ‖D‖/‖P‖ P
    /// ```
    ///
    /// where `D` is the direction of a simpler method, which gives the step its length ([`rules::Grafting`]). A vector, which has one
    /// side longer than 1, takes the exponent −1/2; a side longer than the [largest](Stepper::max_dimension) is left out in the same
    /// way. Parameters in no matrix move along `D`; without grafting along that of Adagrad.
    ///
    /// It is no Hessian method: `L` and `R` are sums of squares of gradients, as in Adagrad, whose full matrix
    /// they approximate.
    ///
    /// **Defaults**: `α = 10⁻²`, `β = (0.9, 1)`, `ε = 10⁻¹²` relative to the largest eigenvalue, roots at each step, sides
    /// up to 1024, grafting from Adagrad, `λ = 0`.
    ///
    /// **Use it** for layers with matrices of moderate size. Of an `r × c` matrix a step costs `O(rc(r + c))` and the roots `O(r³ + c³)`;
    /// `2(r² + c² + rc)` numbers are kept. **Pitfalls**: without grafting a learning rate is hard to find.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::Shampoo;
    ///
    /// // ½‖A X − A‖² for a 3 × 2 matrix X, with an ill-conditioned A
    /// let a = [1.0, 0.03, 10.0];
    /// let mut shampoo = Shampoo::new(1.0).matrix(0..6, 3, 2);
    /// let mut x = [0.0_f64; 6];
    /// for step in 0..300 {
    ///     shampoo.set_learning_rate(0.99_f64.powi(step));
    ///     let gradient: Vec<f64> = (0..6).map(|i| a[i / 2] * a[i / 2] * (x[i] - 1.0)).collect();
    ///     shampoo.step(&mut x, &gradient)?;
    /// }
    /// assert!(x.iter().all(|x| (x - 1.0).abs() < 0.05));
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Shampoo<'c, S> = Stepper<'c, S, rules::Shampoo<S>>;
}

/// Where the length of the steps of [`Shampoo`](crate::Shampoo) comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Grafting<S> {
    /// From nowhere else.
    None,
    /// `D = M`: descent with momentum.
    Sgd,
    /// `D = M/(√Σ G² + ε)`.
    Adagrad {
        /// `ε > 0`.
        epsilon: S,
    },
    /// `D = M/(√(average of G²) + ε)`, the average corrected for its start from 0.
    Adam {
        /// The weight of the average, in `[0, 1)`.
        beta2: S,
        /// `ε > 0`.
        epsilon: S,
    },
}

/// The rule of [`Shampoo`](crate::Shampoo).
#[derive(Debug, Clone)]
pub struct Shampoo<S> {
    betas: [S; 2],
    epsilon: S,
    every: usize,
    largest: usize,
    grafting: Grafting<S>,
    matrices: Matrices,
}

impl<S: Real> Default for Shampoo<S> {
    fn default() -> Self {
        let [beta1, epsilon, graft] = [0.9, 1e-12, 1e-10].map(S::constant);
        Shampoo {
            betas: [beta1, S::one()],
            epsilon,
            every: 1,
            largest: 1024,
            grafting: Grafting::Adagrad { epsilon: graft },
            matrices: Matrices::default(),
        }
    }
}

impl<S: Real> Preset<S> for Shampoo<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-2;
}

/// `β₂ = 1` is allowed, and means sums in place of averages.
impl<S> Betas<S> for Shampoo<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for Shampoo<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S> OfMatrices for Shampoo<S> {
    fn matrices_mut(&mut self) -> &mut Matrices {
        &mut self.matrices
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Shampoo<S>, C> {
    /// After how many steps the roots are computed anew.
    #[must_use]
    pub fn root_interval(self, steps: usize) -> Self {
        self.rule_with(|rule| rule.every = steps)
    }

    /// The longest side of a matrix that has a root.
    #[must_use]
    pub fn max_dimension(self, dimension: usize) -> Self {
        self.rule_with(|rule| rule.largest = dimension)
    }

    /// Where the length of the steps comes from.
    #[must_use]
    pub fn grafting(self, grafting: Grafting<S>) -> Self {
        self.rule_with(|rule| rule.grafting = grafting)
    }
}

impl<S: Real> Shampoo<S> {
    /// What the squares of gradients are multiplied by in their sum, old and new, and what the sum is divided by.
    fn weights(&self, update: &Update<'_, S>) -> [S; 3] {
        let beta2 = self.betas[1];
        if beta2 == S::one() {
            return [S::one(); 3];
        }
        [beta2, S::one() - beta2, update.bias(beta2)]
    }

    /// `D`, and its memory brought up to date.
    fn simple(&self, update: &Update<'_, S>, g: &[S], m: &[S], squares: &mut [S]) -> Vec<S> {
        let (one, adagrad) = (S::one(), S::constant(1e-10));
        let (old, new, bias, epsilon) = match self.grafting {
            Grafting::Sgd => return m.to_vec(),
            Grafting::None => (one, one, one, adagrad),
            Grafting::Adagrad { epsilon } => (one, one, one, epsilon),
            Grafting::Adam { beta2, epsilon } => (beta2, one - beta2, update.bias(beta2), epsilon),
        };
        for (s, &g) in squares.iter_mut().zip(g) {
            *s = old * *s + new * g * g;
        }
        m.iter().zip(squares).map(|(&m, s)| m / ((*s / bias).sqrt() + epsilon)).collect()
    }

    /// `(A + ε λmax I)^(−1/(2·order))`, the identity for a zero matrix.
    fn root(&self, a: &[S], rows: usize, bias: S, order: usize) -> Result<Vec<S>, Error> {
        let eigen = eigen(rows, a)?;
        let (bias, exponent) = (bias.as_f64(), -0.5 / order as f64);
        let largest = eigen.values[rows - 1] / bias;
        let shift = self.epsilon.as_f64() * largest;
        Ok(eigen.function(|l| match largest > 0.0 {
            true => ((l / bias).max(0.0) + shift).powf(exponent),
            false => 1.0,
        }))
    }
}

impl<S: Real> Rule<S> for Shampoo<S> {
    fn check(&self) -> Result<(), Error> {
        require_weight("beta1", self.betas[0])?;
        require("beta2", self.betas[1], "in [0, 1]", |b| (0.0..=1.0).contains(&b))?;
        require_epsilon(self.epsilon)?;
        require_count("root_interval", self.every)?;
        match self.grafting {
            Grafting::None | Grafting::Sgd => {}
            Grafting::Adagrad { epsilon } => require_epsilon(epsilon)?,
            Grafting::Adam { beta2, epsilon } => {
                require_weight("beta2", beta2)?;
                require_epsilon(epsilon)?;
            }
        }
        Ok(())
    }

    fn means_places(&self) -> bool {
        self.matrices.means_places()
    }

    fn locate(&mut self, parts: Option<&Parts>) -> Result<(), Error> {
        self.matrices.locate(parts)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        let grafting = match self.grafting {
            Grafting::None => vec![0.0],
            Grafting::Sgd => vec![1.0],
            Grafting::Adagrad { epsilon } => vec![2.0, epsilon.as_f64()],
            Grafting::Adam { beta2, epsilon } => vec![3.0, beta2.as_f64(), epsilon.as_f64()],
        };
        let mut all = vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("root_interval", self.every as f64),
            ("max_dimension", self.largest as f64),
        ];
        all.extend(grafting.into_iter().map(|number| ("grafting", number)));
        all.extend(self.matrices.settings());
        all
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let squares = if self.grafting == Grafting::Sgd { 0 } else { range.len() };
        let mut lists =
            vec![Memory::zeros("first", range.len()), Memory::zeros("squares", squares)];
        lists.extend(self.matrices.memory(&range, self.largest, ["left", "right"]));
        lists.extend(self.matrices.memory(&range, self.largest, ["left_root", "right_root"]));
        lists
    }

    fn update(&self, mut update: Update<'_, S>) -> Result<(), Error> {
        let matrices = self.matrices.within(&update.range, self.largest)?;
        let g = update.decayed_gradient();
        let memory = std::mem::take(&mut update.memory);
        let [first, squares, left, right, left_root, right_root] = memory else {
            unreachable!("as many lists as were asked for")
        };
        let beta1 = self.betas[0];
        for (m, &g) in first.iter_mut().zip(&g) {
            *m = beta1 * *m + (S::one() - beta1) * g;
        }
        let bias1 = update.bias(beta1);
        let m: Vec<S> = first.iter().map(|&m| m / bias1).collect();
        let mut direction = self.simple(&update, &g, &m, squares);
        let [old, new, bias] = self.weights(&update);
        let anew = (update.step - 1).is_multiple_of(self.every as u64);
        for matrix in &matrices {
            matrix.gather(&g, [left, right], [old, new]);
            let order = matrix.order();
            if anew {
                let sides = [
                    (&matrix.left, matrix.rows, &*left, &mut *left_root),
                    (&matrix.right, matrix.columns, &*right, &mut *right_root),
                ];
                for (side, size, kept, roots) in sides {
                    if let Some(side) = side.clone() {
                        let root = self.root(&kept[side.clone()], size, bias, order)?;
                        roots[side].copy_from_slice(&root);
                    }
                }
            }
            if order > 0 {
                let mut p = m[matrix.entries.clone()].to_vec();
                matrix.multiply(&mut p, [left_root, right_root], [false; 2]);
                let direction = &mut direction[matrix.entries.clone()];
                let length = norm(&p);
                if self.grafting != Grafting::None && length > S::zero() {
                    scale(norm(direction) / length, &mut p);
                }
                direction.copy_from_slice(&p);
            }
        }
        update.move_along(&direction);
        Ok(())
    }
}
