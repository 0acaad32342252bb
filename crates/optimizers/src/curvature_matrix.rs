//! The matrices that tell how an objective curves, by name.

use std::fmt;

/// A matrix that tells how an objective curves.
///
/// With `f(x) = L(z(x))`, the outputs `z` of a model compared by a loss `L`, and `J = ∂z/∂x`:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CurvatureMatrix {
    /// `∇²f`, which any objective has.
    Hessian,
    /// The (generalised) Gauss–Newton matrix `Jᵀ ∇²L J`, which leaves out the curvature of the model; positive
    /// semidefinite for a convex `L` (Schraudolph, Neural Computation 14 (2002)).
    GaussNewton,
    /// The Fisher information of the likelihood that the loss stands for, taken under the *model's* distribution: what
    /// natural gradients are made of (Amari, Neural Computation 10 (1998)). Equal to Gauss–Newton for the
    /// cross-entropy of logits and for squared errors.
    Fisher,
    /// The (uncentred) covariance of the gradients of single examples, `1/N Σᵢ gᵢ gᵢᵀ`, taken under the *data's* labels. It is
    /// neither the Fisher matrix nor the Hessian, and can be far from both (Kunstner, Hennig & Balles, NeurIPS 2019).
    EmpiricalFisher,
}

impl fmt::Display for CurvatureMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CurvatureMatrix::Hessian => "Hessian",
            CurvatureMatrix::GaussNewton => "Gauss–Newton matrix",
            CurvatureMatrix::Fisher => "Fisher matrix",
            CurvatureMatrix::EmpiricalFisher => "empirical Fisher matrix",
        })
    }
}
