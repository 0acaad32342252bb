//! The methods.
//!
//! This folder imports `engine` and what is below it; a method may stand on another.
//!
//! | folder | |
//! |---|---|
//! | `newton/` | Newton's method and what takes another matrix in the Hessian's place |
//! | `trust_region/` | models trusted within a region, or held by a cubic term |
//! | `quasi_newton/` | matrices learnt from gradients |
//! | `first_order/` | gradients alone |
//! | `least_squares/` | sums of squares, and the uncertainty of what is fitted |
//! | `stochastic/` | fixed rules, for the noisy gradients of minibatches |

mod first_order;
mod least_squares;
mod newton;
mod quasi_newton;
pub mod stochastic;
mod trust_region;

pub use first_order::{Conjugacy, GradientDescent, NonlinearCg};
pub use least_squares::{GaussNewton, LevenbergMarquardt, Scaling, SecondOrderTerm, Uncertainty};
pub use newton::{
    HessianFree, Hso, NaturalGradient, Newton, NewtonCg, SaddleFreeNewton, Shift, Structure,
    StructuredNewton,
};
pub use quasi_newton::{
    CompactHessian, Form, InitialMatrix, Lbfgs, LbfgsMemory, Lbfgsb, Lsr1, Lsr1Memory, QuasiNewton,
    QuasiNewtonMatrix, Safeguard, Sr1, UpdateRule, Updated,
};
pub use trust_region::{CubicRegularization, Subproblem, TrustRegion};
