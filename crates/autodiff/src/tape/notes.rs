//! Notes on the instructions of a tape, made while a part of it is cut out.

use crate::program::Id;

/// What is known of each instruction of a tape while a part of it is cut out.
///
/// It is kept from one call to the next, and what an earlier call noted is told by its number: so a call costs what it
/// visits, however long the tape is.
#[derive(Default)]
pub(crate) struct Notes {
    call: u32,
    /// By instruction.
    notes: Vec<Note>,
}

#[derive(Clone, Copy, Default)]
struct Note {
    call: u32,
    mark: Mark,
    /// Its number in the part.
    number: Id,
}

/// How an instruction takes part, each more than the one before.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    #[default]
    Unseen,
    /// A result is computed from it.
    Above,
    /// It is read.
    Read,
    /// It is a source.
    Source,
    /// It is computed from sources.
    Computed,
}

impl Notes {
    /// Forgets all marks, on a tape of this length.
    pub(crate) fn begin(&mut self, length: usize) {
        self.call = self.call.wrapping_add(1);
        if self.call == 0 {
            self.notes.fill(Note::default());
            self.call = 1;
        }
        self.notes.resize(length.max(self.notes.len()), Note::default());
    }

    pub(crate) fn mark(&self, id: Id) -> Mark {
        let note = self.notes[id as usize];
        if note.call == self.call { note.mark } else { Mark::Unseen }
    }

    /// Marks instruction `id` unless it has more than this mark already; returns the one that it had.
    pub(crate) fn raise(&mut self, id: Id, mark: Mark) -> Mark {
        let before = self.mark(id);
        let note = &mut self.notes[id as usize];
        (note.call, note.mark) = (self.call, before.max(mark));
        before
    }

    /// The number in the part of an instruction that is read.
    pub(crate) fn set_number(&mut self, id: Id, number: Id) {
        self.notes[id as usize].number = number;
    }

    pub(crate) fn number(&self, id: Id) -> Id {
        self.notes[id as usize].number
    }
}
