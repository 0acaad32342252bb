//! Which of the parameters are meant.

use std::ops::Range;

use dualtape_autodiff::parts::{Part, Parts};

use crate::error::Error;

/// Some of the parameters that an optimizer changes: by name, or by their places in a vector whose entries have no names.
///
/// Made from a name (`"encoder.0"`: a parameter, or all of a module), from a [`Part`] of a vector, or from a range. A name
/// means the same parameters whatever else is frozen, and none while they are frozen themselves; names are known in the training
/// loop of `dualtape-layers`, and elsewhere once [stated](crate::Stepper::named). A range is one of the vector that is handed to
/// the optimizer; where that is not the whole of a network, since some of it is frozen, ranges are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Which {
    /// The parameter of this full name, or those of the module of this name.
    Named(String),
    /// Entries of the vector.
    Entries(Range<usize>),
}

impl From<&str> for Which {
    fn from(name: &str) -> Self {
        Which::Named(name.to_owned())
    }
}

impl From<String> for Which {
    fn from(name: String) -> Self {
        Which::Named(name)
    }
}

impl From<&Part> for Which {
    fn from(part: &Part) -> Self {
        Which::Named(part.name().to_owned())
    }
}

#[cfg(feature = "layers")]
impl From<&dualtape_layers::View> for Which {
    fn from(view: &dualtape_layers::View) -> Self {
        Which::Named(view.name().to_owned())
    }
}

impl From<Range<usize>> for Which {
    fn from(range: Range<usize>) -> Self {
        Which::Entries(range)
    }
}

impl Which {
    /// Numbers that tell it from others, to be saved: a name by its hash (FNV-1a, of 53 bits).
    pub(super) fn numbers(&self) -> Vec<f64> {
        match self {
            Which::Entries(range) => vec![range.start as f64, range.end as f64],
            Which::Named(name) => {
                let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                vec![(hash >> 11) as f64]
            }
        }
    }

    pub(super) fn is_by_place(&self) -> bool {
        matches!(self, Which::Entries(_))
    }

    /// Where they are, in the vector of these parts.
    pub(super) fn ranges(&self, parts: Option<&Parts>) -> Result<Vec<Range<usize>>, Error> {
        match (self, parts) {
            (Which::Entries(_), Some(parts)) if !parts.is_whole() => Err(Error::RangeOfFrozen),
            (Which::Entries(range), _) => Ok(vec![range.clone()]),
            (Which::Named(name), Some(parts)) => {
                Ok(parts.named(name)?.into_iter().map(Part::range).collect())
            }
            (Which::Named(name), None) => Err(Error::NoNames { name: name.clone() }),
        }
    }
}
