//! What the entries of a vector of parameters are called.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;

/// A named array among the entries of a vector of parameters, row by row.
///
/// It knows which vector it is of, by the names and shapes of all that this is made of, so that who is given it can refuse one
/// of another vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    name: String,
    shape: Vec<usize>,
    start: usize,
    vector: Vector,
}

/// Which vector: equal for vectors of the same names and shapes in the same order, which mean the same entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Vector {
    dim: usize,
    fingerprint: u64,
}

impl Vector {
    fn of(parts: &[Part]) -> Self {
        let mut hasher = DefaultHasher::new();
        parts.iter().for_each(|part| (&part.name, &part.shape).hash(&mut hasher));
        Self { dim: parts.iter().map(Part::len).sum(), fingerprint: hasher.finish() }
    }
}

impl Part {
    /// Its name, as `encoder.0.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it lies in its vector.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }

    /// Length of the vector that it is a part of.
    pub fn dim(&self) -> usize {
        self.vector.dim
    }

    /// Where it lies in a vector of this length, and of these parts if they are known.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignPart`] if its own vector is another one.
    pub fn range_within(&self, dim: usize, parts: Option<&Parts>) -> Result<Range<usize>, Error> {
        match self.dim() == dim && parts.is_none_or(|parts| parts.all.vector == self.vector) {
            true => Ok(self.range()),
            false => Err(Error::ForeignPart { name: self.name.clone(), dim: self.dim(), got: dim }),
        }
    }
}

/// The named arrays that a vector of parameters is made of, one behind the other. Cloning shares them.
///
/// It says what a flat vector is *today*: of a network of which some parameters are frozen, the parts of the vector of the
/// others, which is what objectives are functions of and what optimizers change.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{parts::Parts, record};
///
/// let parts = Parts::new([("weight", vec![2, 2]), ("bias", vec![2])]);
/// assert_eq!(parts.get("bias")?.range(), 4..6);
///
/// let f = record(&[0.5; 6]).function(|x| (x[0] * x[5] + x[4]).exp() + x[4] * x[4])?;
/// let at = f.linearize(&[0.0; 6])?;
/// assert_eq!(at.hessian_block(parts.get("bias")?)?.as_slice(), [3.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    all: Arc<All>,
}

#[derive(Debug, PartialEq, Eq)]
struct All {
    parts: Vec<Part>,
    vector: Vector,
    /// Other names of parts, by their numbers.
    aliases: Vec<(String, usize)>,
    /// Names of what belongs to the same model, but not to this vector.
    absent: Vec<String>,
}

impl Parts {
    /// Arrays of these names and shapes, in this order.
    pub fn new<N: Into<String>>(arrays: impl IntoIterator<Item = (N, Vec<usize>)>) -> Self {
        let mut dim = 0;
        let mut parts: Vec<Part> = arrays
            .into_iter()
            .map(|(name, shape)| {
                let vector = Vector::default();
                let part = Part { name: name.into(), shape, start: dim, vector };
                dim += part.len();
                part
            })
            .collect();
        let vector = Vector::of(&parts);
        parts.iter_mut().for_each(|part| part.vector = vector);
        Self { all: Arc::new(All { parts, vector, aliases: Vec::new(), absent: Vec::new() }) }
    }

    /// The same parts, of which some have another name besides: each of these pairs is a further name, and the name that the
    /// part has already.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPart`] if there is no part of that name.
    pub fn with_aliases<N: Into<String>>(
        &self,
        aliases: impl IntoIterator<Item = (N, N)>,
    ) -> Result<Self, Error> {
        let number = |(alias, name): (N, N)| {
            let name = name.into();
            let number = self.all.parts.iter().position(|part| part.name == name);
            number.map(|number| (alias.into(), number)).ok_or_else(|| self.unknown(&name))
        };
        let All { parts, vector, absent, .. } = &*self.all;
        let aliases = aliases.into_iter().map(number).collect::<Result<_, _>>()?;
        let all = All { parts: parts.clone(), vector: *vector, aliases, absent: absent.clone() };
        Ok(Self { all: Arc::new(all) })
    }

    /// The same parts, with the names of what the model has besides, but this vector has not: frozen parameters.
    pub fn with_absent<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> Self {
        let All { parts, vector, aliases, .. } = &*self.all;
        let absent = names.into_iter().map(Into::into).collect();
        let (parts, aliases) = (parts.clone(), aliases.clone());
        let all = All { parts, vector: *vector, aliases, absent };
        Self { all: Arc::new(all) }
    }

    /// Length of the vector.
    pub fn dim(&self) -> usize {
        self.all.vector.dim
    }

    /// Whether these are of a vector made of the same: the same names and shapes in the same order. Then the parts of one are
    /// those of the other.
    pub fn same_vector(&self, other: &Self) -> bool {
        self.all.vector == other.all.vector
    }

    /// All parts, in the order of the vector.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Part> + DoubleEndedIterator {
        self.all.parts.iter()
    }

    /// Whether the vector has all that the model has.
    pub fn is_whole(&self) -> bool {
        self.all.absent.is_empty()
    }

    /// The part of this full name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPart`], listing the names there are; [`Error::AbsentPart`] if the model has it, but not this vector.
    pub fn get(&self, name: &str) -> Result<&Part, Error> {
        let All { parts, aliases, absent, .. } = &*self.all;
        let named = parts.iter().find(|part| part.name == name);
        let alias = || aliases.iter().find(|(alias, _)| alias == name);
        match named.or_else(|| alias().map(|&(_, number)| &parts[number])) {
            Some(part) => Ok(part),
            None if absent.iter().any(|other| other == name) => {
                Err(Error::AbsentPart { name: name.to_owned() })
            }
            None => Err(self.unknown(name)),
        }
    }

    /// The parts of the module of this name, or the one part of this full name, in the order of the vector. None, if the model
    /// has such, but this vector has not.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPart`] if the model has nothing of this name.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::parts::Parts;
    ///
    /// let parts = Parts::new([("0.weight", vec![3]), ("2.weight", vec![2]), ("2.bias", vec![1])]);
    /// let ranges: Vec<_> = parts.named("2")?.iter().map(|part| part.range()).collect();
    /// assert_eq!(ranges, [3..5, 5..6]);
    /// assert!(parts.named("1").is_err());
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn named(&self, name: &str) -> Result<Vec<&Part>, Error> {
        let All { parts, aliases, absent, .. } = &*self.all;
        let is_named = |other: &str| {
            let rest = other.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let by_alias = |number: usize| {
            aliases.iter().any(|(alias, other)| *other == number && is_named(alias))
        };
        let chosen: Vec<&Part> = parts
            .iter()
            .enumerate()
            .filter(|(number, part)| is_named(&part.name) || by_alias(*number))
            .map(|(_, part)| part)
            .collect();
        match chosen.is_empty() && !absent.iter().any(|other| is_named(other)) {
            true => Err(self.unknown(name)),
            false => Ok(chosen),
        }
    }

    /// The neighbours that belong to one module together, under the name of that: the layers of a network.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::parts::Parts;
    ///
    /// let parts = Parts::new([("0.weight", vec![3, 2]), ("0.bias", vec![3]), ("scale", vec![1])]);
    /// let modules: Vec<_> = parts.modules().iter().map(|part| (part.name().to_owned(), part.range())).collect();
    /// assert_eq!(modules, [("0".to_owned(), 0..9), ("scale".to_owned(), 9..10)]);
    /// ```
    pub fn modules(&self) -> Vec<Part> {
        let mut modules: Vec<Part> = Vec::new();
        for part in self.iter() {
            let module = part.name.rsplit_once('.').map(|(module, _)| module);
            match modules.last_mut() {
                Some(last) if Some(last.name.as_str()) == module => {
                    last.shape = vec![last.len() + part.len()];
                }
                _ => modules.push(Part {
                    name: module.unwrap_or(&part.name).to_owned(),
                    shape: vec![part.len()],
                    ..part.clone()
                }),
            }
        }
        modules
    }

    fn unknown(&self, name: &str) -> Error {
        let All { parts, aliases, absent, .. } = &*self.all;
        let names = parts.iter().map(|part| part.name.as_str());
        let names = names.chain(aliases.iter().map(|(alias, _)| alias.as_str()));
        let names: Vec<&str> = names.chain(absent.iter().map(String::as_str)).collect();
        Error::UnknownPart { name: name.to_owned(), known: names.join(", ") }
    }
}

/// Entries of a vector, by their numbers: a range or any list of them, or a [`Part`].
pub trait Entries {
    /// Their numbers in a vector of this length, and of these parts if they are known.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInput`] if one is not below the length; [`Error::ForeignPart`] for a part of another vector.
    fn within(self, dim: usize, parts: Option<&Parts>) -> Result<Vec<usize>, Error>;
}

impl<I: IntoIterator<Item = usize>> Entries for I {
    fn within(self, dim: usize, _: Option<&Parts>) -> Result<Vec<usize>, Error> {
        let numbers: Vec<usize> = self.into_iter().collect();
        match numbers.iter().find(|&&number| number >= dim) {
            Some(&index) => Err(Error::NoSuchInput { index, count: dim }),
            None => Ok(numbers),
        }
    }
}

impl Entries for &Part {
    fn within(self, dim: usize, parts: Option<&Parts>) -> Result<Vec<usize>, Error> {
        Ok(self.range_within(dim, parts)?.collect())
    }
}
