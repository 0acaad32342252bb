//! How far to go along a direction.
//!
//! A search sees the objective only as a function of one variable, `φ(a) = f(x + a d)`, behind the trait [`Line`].
//!
//! | file | |
//! |---|---|
//! | `line.rs` | that function, and what is known and said of a step |
//! | `armijo.rs`, `more_thuente.rs`, `hager_zhang.rs` | the searches |
//! | `search.rs` | any of them, and up to a longest step |
//! | `ray.rs` | an objective along a direction |

mod armijo;
mod hager_zhang;
mod line;
mod more_thuente;
mod ray;
mod search;

pub use armijo::Armijo;
pub use hager_zhang::HagerZhang;
pub use line::{Accepted, Condition, Line, LineSearchFailure, Origin};
pub use more_thuente::MoreThuente;
pub(crate) use ray::Ray;
pub use search::LineSearch;
pub(crate) use search::{UpTo, limited};
