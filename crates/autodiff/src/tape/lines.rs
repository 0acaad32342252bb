//! Lines of source code: the user's, to be named in errors and listings.

use std::cell::Cell;
use std::panic::Location;

/// Which line of the user's code a line of this crate or of the standard library stands for.
///
/// Functions carry their caller's line through `#[track_caller]`; that is lost where the standard library calls them, as
/// `Iterator::sum` does, and where a derivative is recorded.
pub(super) struct Lines {
    opened: &'static Location<'static>,
    within: Cell<Option<&'static Location<'static>>>,
}

impl Lines {
    /// Of a recording that the user asked for at this line.
    pub(super) fn opened(at: &'static Location<'static>) -> Self {
        Self { opened: at, within: Cell::new(None) }
    }

    /// What is recorded meanwhile belongs to what the user asked for at this line.
    pub(super) fn within<R>(
        &self,
        at: &'static Location<'static>,
        record: impl FnOnce() -> R,
    ) -> R {
        let outer = self.within.replace(Some(at));
        let result = record();
        self.within.set(outer);
        result
    }

    /// `at`, if it is a line of the user's; otherwise that of the operation being differentiated, or that which asked for the
    /// recording.
    #[inline]
    pub(super) fn users(&self, at: &'static Location<'static>) -> &'static Location<'static> {
        if is_users(at) { at } else { self.within.get().unwrap_or(self.opened) }
    }
}

/// Whether a line is neither of this crate nor of the standard library.
fn is_users(at: &Location<'_>) -> bool {
    let this_crate = &file!()[..file!().len() - "tape/lines.rs".len()];
    let file = at.file();
    !file.starts_with("/rustc/") && !file.starts_with(this_crate) && !is_from_source(file)
}

/// Whether a file is of a standard library that was compiled from its source.
fn is_from_source(file: &str) -> bool {
    file.contains("/lib/rustlib/src/rust/library/")
}

/// Where a watched instruction was recorded.
pub(crate) type Line = Cell<Option<&'static Location<'static>>>;
