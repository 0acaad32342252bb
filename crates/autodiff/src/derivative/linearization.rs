//! A function frozen at a point, ready for Hessian-vector products.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Matrix;
use super::compile::{Origin, Stage};
use super::function::{State, recycle};
use super::generic::{symmetrize, unit_lanes};
use crate::error::{Error, check_length};
use crate::program::{Arguments, Workspace};
use crate::scalar::Real;

/// Directions taken at once through a scalar program when a whole Hessian is wanted.
const LANES: usize = 8;

/// Value, gradient and Hessian operator of a [`Function`](crate::Function) at one point.
///
/// All primal values and first adjoints are kept, so a Hessian-vector product evaluates tangents only: no function of the
/// original program is computed again, and nothing is allocated.
pub struct Linearization<'a, S: Real = f64> {
    pool: &'a Mutex<Vec<Workspace<S>>>,
    state: State<S>,
    point: Vec<S>,
    value: S,
    gradient: Vec<S>,
    scratch: Mutex<Scratch<S>>,
}

/// What a product writes to.
struct Scratch<S> {
    workspace: Workspace<S>,
    /// Of the linear part, if the program is scalar.
    coefficients: Vec<S>,
    single: Vec<[S; 1]>,
    lanes: Vec<[S; LANES]>,
}

impl<'a, S: Real> Linearization<'a, S> {
    pub(super) fn new(
        pool: &'a Mutex<Vec<Workspace<S>>>,
        state: State<S>,
        workspace: Workspace<S>,
        x: &[S],
    ) -> Result<Self, Error> {
        let stage = state.compiled.hvp(Origin { point: x, data: &state.data })?;
        let program = &stage.program;
        let arguments = Arguments { point: x, direction: &[], data: &state.data };
        let value = workspace.values[program.outputs[0] as usize];
        let mut gradient = vec![S::zero(); x.len()];
        let components = 1..program.outputs.len() - gradient_outputs(stage);
        workspace.copy_outputs(program, &stage.plan, arguments, components, &mut gradient);
        let mut coefficients = Vec::new();
        if let Some(linear) = &stage.linear {
            linear.freeze(program, &workspace.values, &mut coefficients);
        }
        let (single, lanes) = (Vec::new(), Vec::new());
        let scratch = Mutex::new(Scratch { workspace, coefficients, single, lanes });
        Ok(Self { pool, state, point: x.to_vec(), value, gradient, scratch })
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.point.len()
    }

    /// The point.
    pub fn point(&self) -> &[S] {
        &self.point
    }

    /// `f(x)`.
    pub fn value(&self) -> S {
        self.value
    }

    /// `∇f(x)`.
    pub fn gradient(&self) -> &[S] {
        &self.gradient
    }

    /// The Hessian-vector product `∇²f(x)·v`, written to `product`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if a slice is not as long as the point.
    pub fn hvp_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        check_length("the direction", v, self.dim())?;
        check_length("the product", product, self.dim())?;
        let stage = self.stage()?;
        let mut scratch = self.scratch();
        let Scratch { workspace, coefficients, single, .. } = &mut *scratch;
        if let Some(linear) = &stage.linear {
            let result = |i: usize, [x]: [S; 1]| product[i] = x;
            linear.apply(coefficients, &workspace.values, single, |i| [v[i]], result);
            return Ok(());
        }
        let arguments = Arguments { point: &self.point, direction: v, data: &self.state.data };
        let Stage { program, plan, frozen, .. } = stage;
        workspace.run(program, plan, arguments, *frozen..program.len());
        workspace.check_results()?;
        let outputs = program.outputs.len() - gradient_outputs(stage)..program.outputs.len();
        workspace.copy_outputs(program, plan, arguments, outputs, product);
        Ok(())
    }

    /// The Hessian-vector product `∇²f(x)·v`.
    ///
    /// # Errors
    ///
    /// As [`hvp_into`](Self::hvp_into).
    pub fn hvp(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.hvp_into(v, &mut product)?;
        Ok(product)
    }

    /// The Hessian `∇²f(x)`, exactly symmetric.
    ///
    /// Complexity: n Hessian-vector products, eight at a time through a scalar program.
    ///
    /// # Errors
    ///
    /// None at present; a `Result` since derived programs are made on demand.
    pub fn hessian(&self) -> Result<Matrix<S>, Error> {
        let n = self.dim();
        let mut h = vec![S::zero(); n * n];
        match &self.stage()?.linear {
            Some(linear) => {
                let mut scratch = self.scratch();
                let Scratch { workspace, coefficients, lanes, .. } = &mut *scratch;
                for first in (0..n).step_by(LANES) {
                    linear.apply(
                        coefficients,
                        &workspace.values,
                        lanes,
                        |i| unit_lanes(first, i),
                        |i, column| {
                            for (lane, &entry) in column.iter().enumerate().take(n - first) {
                                h[(first + lane) * n + i] = entry;
                            }
                        },
                    );
                }
            }
            None => {
                let mut unit = vec![S::zero(); n];
                for (i, row) in h.chunks_exact_mut(n.max(1)).enumerate() {
                    unit[i] = S::one();
                    self.hvp_into(&unit, row)?;
                    unit[i] = S::zero();
                }
            }
        }
        symmetrize(n, &mut h);
        Ok(Matrix::from_rows(n, n, h))
    }

    fn stage(&self) -> Result<&Stage<S>, Error> {
        self.state.compiled.hvp(Origin { point: &self.point, data: &self.state.data })
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch<S>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of a stage's last outputs make up the product; as many before them make up the gradient.
fn gradient_outputs<S>(stage: &Stage<S>) -> usize {
    (stage.program.outputs.len() - 1) / 2
}

impl<S: Real> Drop for Linearization<'_, S> {
    /// The workspace goes back to the function.
    fn drop(&mut self) {
        let scratch = self.scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
        recycle(self.pool, mem::take(&mut scratch.workspace));
    }
}

impl<S: Real> fmt::Debug for Linearization<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linearization({} inputs, value {:?})", self.dim(), self.value)
    }
}
