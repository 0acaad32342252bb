//! What closures take and return.

/// Of a [`Record`](crate::Record): closures take `x` as a slice of scalars.
#[derive(Debug)]
pub enum Scalars {}

/// Of a [`Record`](crate::Record): closures take `x` as a tensor of rank 1.
#[derive(Debug)]
pub enum AsArray {}

/// Of a [`Record`](crate::Record): closures take `x` as a tensor of rank 1, and the data as tensors.
#[derive(Debug)]
pub enum WithData {}

/// Of a [`Record`](crate::Record): closures return what is differentiated, and nothing else.
#[derive(Debug)]
pub enum Plain {}

/// Of a [`Record`](crate::Record): closures return a pair, of what is differentiated and of what comes along.
#[derive(Debug)]
pub enum WithAuxiliary {}

/// What closures return that compute `Y`, and what comes along as values `E`.
pub trait Returned: sealed::Sealed {
    /// `Y`, or `(Y, Vec<E>)`.
    type Of<Y, E>;

    #[doc(hidden)]
    fn parts<Y, E>(returned: Self::Of<Y, E>) -> (Y, Vec<E>);
}

impl Returned for Plain {
    type Of<Y, E> = Y;

    fn parts<Y, E>(returned: Y) -> (Y, Vec<E>) {
        (returned, Vec::new())
    }
}

impl Returned for WithAuxiliary {
    type Of<Y, E> = (Y, Vec<E>);

    fn parts<Y, E>(returned: (Y, Vec<E>)) -> (Y, Vec<E>) {
        returned
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Plain {}
    impl Sealed for super::WithAuxiliary {}
}
