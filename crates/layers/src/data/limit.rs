//! How much of what is read may be taken into memory where nobody said.

use std::fs::File;

/// 1 GiB.
const LIMIT: u64 = 1 << 30;

/// The limit for what is `known` to be on a disk, where everybody sees how large it is, as so many bytes, and unpacks to
/// `times` as many at most.
pub(super) fn default_limit(known: u64, times: u64) -> u64 {
    known.saturating_mul(times).max(LIMIT)
}

/// The size of a regular file; of anything else nothing is known.
pub(super) fn size(file: &File) -> u64 {
    file.metadata().ok().filter(|found| found.is_file()).map_or(0, |found| found.len())
}
