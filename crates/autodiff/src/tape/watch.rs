//! Where the instructions of a recording come from.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use super::Tape;
use super::lines::Line;
use crate::error::Error;
use crate::number::Scalar;
use crate::program::Id;

impl<S: Scalar> Tape<S> {
    /// An empty tape that notes the source line of instruction `id`, and where it will.
    #[track_caller]
    pub(crate) fn watching(id: Id) -> (Self, Rc<Line>) {
        let line = Rc::new(Cell::new(None));
        let watch = Cell::new(id as usize);
        (Self { watch, watched: Some(Rc::clone(&line)), ..Self::new() }, line)
    }

    #[cold]
    #[track_caller]
    pub(crate) fn pushed_watched(&self, id: usize) {
        if id >= Id::MAX as usize {
            self.fail(Error::TapeFull { limit: Id::MAX as usize });
        } else {
            if let Some(line) = &self.watched {
                line.set(Some(self.lines.users(Location::caller())));
            }
            self.watch.set(Id::MAX as usize);
        }
    }

    /// What is recorded meanwhile belongs to what the user asked for at this line.
    pub(crate) fn within<R>(
        &self,
        at: &'static Location<'static>,
        record: impl FnOnce() -> R,
    ) -> R {
        self.lines.within(self.lines.users(at), record)
    }

    /// Where the user's code asked for the array that instruction `id` makes.
    pub(crate) fn location(&self, id: Id) -> &'static Location<'static> {
        let number = self.instruction(id).a;
        self.nodes.borrow().get(number as usize).map_or(Location::caller(), |node| node.at)
    }
}
