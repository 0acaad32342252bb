//! Whether a function is smooth at a point, and if not, why not.

use std::fmt;
use std::panic::Location;

use crate::compiled::{Recorded, Source, data, inputs_like, output_ids, source_line};
use crate::error::{Error, check_length};
use crate::number::{Irregularity, Real, compiled_here};
use crate::program::origin_of;
use crate::tape::{Tape, emit};

/// Where a function is not known to be smooth at a point: the instructions on the way to its value that are not.
///
/// At a kink a derivative is the documented subgradient, and an optimality condition that is stated with derivatives says
/// nothing. Made by [`Recorded::smoothness`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Smoothness {
    found: Vec<Irregular>,
}

/// An instruction at a point where it is not smooth.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Irregular {
    /// What it does, with its constants.
    pub operation: String,
    /// How it fails to be smooth.
    pub irregularity: Irregularity,
    /// The line of the user's code that asked for it, if it is known.
    pub at: Option<&'static Location<'static>>,
}

impl Smoothness {
    /// Whether every instruction on the way to the value is smooth at the point, and with them the function.
    pub fn is_smooth(&self) -> bool {
        self.found.is_empty()
    }

    /// The instructions that are not, in the order in which they were recorded.
    pub fn irregular(&self) -> &[Irregular] {
        &self.found
    }
}

/// One line for each instruction that is not smooth, or that all are.
impl fmt::Display for Smoothness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_smooth() {
            return f.write_str("smooth");
        }
        for (number, irregular) in self.found.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            irregular.fmt(f)?;
        }
        Ok(())
    }
}

/// As `a kink of abs at src/loss.rs:12:9`.
impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.irregularity, self.operation)?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

/// So many source lines are looked up, each with a recording of its own.
const LINES: usize = 8;

impl<S: Real> Recorded<'_, S> {
    /// Whether the function is smooth at `x`: kinks, jumps and singularities of the instructions on the way to its value, and
    /// comparisons of equal numbers, where another branch begins, with their source lines.
    ///
    /// The answer "smooth" is certain, but for operations of one's own. The other is not: kinks of several instructions may
    /// cancel, as in `max(x, 0) + min(x, 0)`, and what follows may not depend on them.
    ///
    /// Complexity: a recording at `x`, and one more for each of the first instructions found.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0, 1.0]).function(|x| (x[0].abs() - 1.0).powi(2) + x[1].sqrt())?;
    /// assert!(f.smoothness(&[2.0, 1.0])?.is_smooth());
    /// let kink = f.smoothness(&[0.0, 1.0])?;
    /// assert!(kink.to_string().starts_with("a kink of abs at "), "{kink}");
    /// let end = f.smoothness(&[2.0, 0.0])?;
    /// assert!(end.to_string().starts_with("a singularity of sqrt at "), "{end}");
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn smoothness(&self, x: &[S]) -> Result<Smoothness, Error> {
        compiled_here!(examine, fn(&Recorded<'_, S>, &[S]) -> Result<Smoothness, Error>)(self, x)
    }

    /// Whether the function is known to be smooth at `x`. See [`smoothness`](Self::smoothness).
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded.
    pub fn is_smooth_at(&self, x: &[S]) -> Result<bool, Error> {
        Ok(self.smoothness(x)?.is_smooth())
    }
}

/// Where what is recorded fails to be smooth at `x`.
fn examine<S: Real>(recorded: &Recorded<'_, S>, x: &[S]) -> Result<Smoothness, Error> {
    check_length("the point", x, recorded.dim())?;
    let program = recorded.recorded_on(Tape::new(), x)?;
    // Once more, with the values of all instructions.
    let tape = Tape::new().marking();
    let point = inputs_like(&tape, &program, &program.inputs, x);
    let values = emit(&program, &tape, &point, &data(&tape, &recorded.state().data));
    let outputs = output_ids(&program, &tape, &values);
    let recording = tape.finish(outputs)?;
    let mut found: Vec<Irregular> = Vec::new();
    for (id, irregularity) in recording.irregularities(0.0) {
        let operation = recording.program.operation(id);
        let at = match (recording.program.node(id), origin_of(&recording.marks, id)) {
            (Some(node), _) => Some(node.at),
            (None, Some(id)) if found.len() < LINES => source_line(recorded, x, id)?,
            _ => None,
        };
        found.push(Irregular { operation, irregularity, at });
    }
    found.extend(recording.equal_comparisons().into_iter().map(|at| Irregular {
        operation: "a comparison of equal numbers".into(),
        irregularity: Irregularity::Jump,
        at: Some(at),
    }));
    Ok(Smoothness { found })
}
