//! An object that an instruction holds, whose type the instruction does not name.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// An object that an instruction shares, whose type involves the precision of the program.
///
/// An operation over any number `S` holds what computes over `S::Real`; which type that is, its maker and its users agree on.
#[derive(Clone)]
pub(crate) struct Shared {
    pub name: &'static str,
    object: Arc<dyn Any + Send + Sync>,
}

impl Shared {
    pub(crate) fn new<T: Any + Send + Sync>(name: &'static str, object: T) -> Self {
        Self { name, object: Arc::new(object) }
    }

    /// The object, of the type it was made with.
    pub(crate) fn get<T: Any>(&self) -> &T {
        self.object.downcast_ref().expect("an operation is used in the precision it was made for")
    }
}

/// The same object, not an equal one.
impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
