//! Files that are there as a whole or, if anything fails, as they were.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf, is_separator};

use tempfile::{Builder, NamedTempFile};

use crate::errors::Error;

/// As many links as a path may lead through; Linux allows 40.
const LINKS: usize = 40;

/// Writes a file that is there as a whole or, if anything fails, as it was before.
///
/// Links are followed, and their target is what is replaced. What is no regular file (a folder, a device, a pipe), or is
/// protected from writing, is refused. Permissions stay as they are. If the process ends while it writes, a file
/// `.dualtape-….unfinished` is left behind in the folder.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let target = Target::find(path)?;
        let unfinished = target.unfinished(bytes)?;
        unfinished.persist(&target.path)?;
        target.sync_folder()
    };
    write().map_err(|error| failed(path, &error))
}

/// A file that one writer replaces again and again: no other [`Claim`] to it can be written while this one lives, be it in
/// another process.
///
/// The one that writes has the file locked, which ends with the process however that ends. Readers are not kept out. Where
/// there are no such locks, as on other systems than Unix, nothing is kept out, and each writer's files are still whole.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    /// The file, locked; none as long as it is not there.
    locked: Option<File>,
}

impl Claim {
    /// Refuses what cannot be written, and with [`Error::InUse`] a file that is another's.
    pub(crate) fn new(path: PathBuf) -> Result<Self, Error> {
        let mut claim = Self { path, locked: None };
        let found = Target::find(&claim.path).and_then(|target| claim.lock(&target));
        found.map_err(|error| claim.failed(&error))?;
        Ok(claim)
    }

    /// Of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file as [`write_atomically`] does.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.replace(bytes).map_err(|error| self.failed(&error))
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let target = Target::find(&self.path)?;
        if self.locked.is_none() {
            self.lock(&target)?;
        }
        let unfinished = target.unfinished(bytes)?;
        // Locked before it has the name by which others know it.
        lock(unfinished.as_file())?;
        let locked = match target.permissions {
            Some(_) => unfinished.persist(&target.path)?,
            None => unfinished.persist_noclobber(&target.path).map_err(taken)?,
        };
        self.locked = Some(locked);
        target.sync_folder()
    }

    /// Locks the file, if it is there.
    fn lock(&mut self, target: &Target) -> io::Result<()> {
        if target.permissions.is_some() {
            let file = File::open(&target.path)?;
            lock(&file)?;
            self.locked = Some(file);
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        match error.kind() {
            ErrorKind::WouldBlock => Error::InUse { path: self.path.display().to_string() },
            _ => failed(&self.path, error),
        }
    }
}

/// Another writer was the first to make the file.
fn taken(error: tempfile::PersistError) -> io::Error {
    match error.error.kind() {
        ErrorKind::AlreadyExists => ErrorKind::WouldBlock.into(),
        _ => error.error,
    }
}

/// Locks a file, or fails with [`ErrorKind::WouldBlock`] if another has.
#[cfg(unix)]
fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
        // Not every file system has locks.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn lock(_: &File) -> io::Result<()> {
    Ok(())
}

/// What a path leads to, where a file can be written.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    folder: PathBuf,
    /// Of the regular file that is there.
    permissions: Option<Permissions>,
}

impl Target {
    fn find(path: &Path) -> io::Result<Self> {
        // Links of the system's own, as `/dev/stdout`, lead to what has no path.
        if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(no_file());
        }
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let names_folder = path.as_os_str().to_string_lossy().ends_with(is_separator);
            let folder = match (path.file_name(), path.parent()) {
                (Some(_), Some(folder)) if !names_folder => folder,
                _ if path.as_os_str().is_empty() => return Err(refusal("the path is empty")),
                _ => return Err(refusal("not the path of a file: add the file's name")),
            };
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let folder = here.to_owned();
            let found = match fs::symlink_metadata(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => {
                    return Ok(Self { path, folder, permissions: None });
                }
                Err(error) => return Err(error),
            };
            let (kind, permissions) = (found.file_type(), found.permissions());
            if kind.is_symlink() {
                path = folder.join(fs::read_link(&path)?);
            } else if kind.is_dir() {
                return Err(refusal("a folder: add the file's name"));
            } else if !kind.is_file() {
                return Err(no_file());
            } else if permissions.readonly() {
                return Err(refusal("protected from writing: allow it, or give another path"));
            } else {
                return Ok(Self { path, folder, permissions: Some(permissions) });
            }
        }
        Err(refusal("the path leads through too many links, maybe in a circle"))
    }

    /// A new file of another name in the same folder, with these bytes on the disk and the permissions of the file.
    fn unfinished(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let mut options = Builder::new();
        options.prefix(".dualtape-").suffix(".unfinished").rand_bytes(16);
        // From the start: who opened it while more was allowed could read what is written afterwards.
        if let Some(permissions) = self.permissions.clone().or_else(usual_permissions) {
            options.permissions(permissions);
        }
        let mut unfinished = options.tempfile_in(&self.folder)?;
        // What the process's own mask has taken away comes back.
        if let Some(permissions) = &self.permissions {
            unfinished.as_file().set_permissions(permissions.clone())?;
        }
        unfinished.write_all(bytes)?;
        // The bytes must be on the disk before the name is.
        unfinished.as_file().sync_all()?;
        Ok(unfinished)
    }

    /// Brings the new name onto the disk.
    #[cfg(unix)]
    fn sync_folder(&self) -> io::Result<()> {
        // The file is in its place: a folder that must not be read, or that cannot be synced by itself, spoils nothing.
        let Ok(folder) = File::open(&self.folder) else { return Ok(()) };
        match folder.sync_all() {
            Err(error) if error.kind() != ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }

    /// Elsewhere folders cannot be synced.
    #[cfg(not(unix))]
    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Those of a new file, from which the process's mask takes away.
#[cfg(unix)]
fn usual_permissions() -> Option<Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn usual_permissions() -> Option<Permissions> {
    None
}

fn no_file() -> io::Error {
    refusal("a device, a pipe or the like, which a file would replace: give the path of a file")
}

fn refusal(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

pub(super) fn failed(path: &Path, error: &io::Error) -> Error {
    let path = if path.as_os_str().is_empty() { Path::new("``") } else { path };
    Error::File { path: path.display().to_string(), message: error.to_string() }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::process::Command;

    use super::{Claim, write_atomically};
    use crate::errors::Error;

    fn refusal(path: impl AsRef<Path>) -> String {
        let early = Claim::new(path.as_ref().to_owned()).unwrap_err().to_string();
        assert_eq!(early, write_atomically(path.as_ref(), b"new").unwrap_err().to_string());
        early
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn permissions_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        write_atomically(&path, b"first").unwrap();
        let usual = folder.path().join("usual");
        fs::write(&usual, b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), mode(&usual));
        // The second has more than the usual mask leaves.
        for permissions in [0o600, 0o666, 0o750] {
            fs::set_permissions(&path, fs::Permissions::from_mode(permissions)).unwrap();
            write_atomically(&path, b"second").unwrap();
            assert_eq!(mode(&path), permissions);
        }
        assert_eq!(fs::read(&path).unwrap(), b"second");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(refusal(&path).contains("protected from writing"));
        assert_eq!((mode(&path), names(folder.path()).len()), (0o444, 2));
    }

    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        fs::write(at("elsewhere/file"), b"old").unwrap();
        symlink("elsewhere/file", at("link")).unwrap();
        symlink(at("link"), at("to-link")).unwrap();
        symlink("elsewhere/new", at("to-nothing")).unwrap();
        write_atomically(&at("to-link"), b"through two links").unwrap();
        write_atomically(&at("to-nothing"), b"new").unwrap();
        assert_eq!(fs::read(at("elsewhere/file")).unwrap(), b"through two links");
        assert_eq!(fs::read(at("elsewhere/new")).unwrap(), b"new");
        for link in ["link", "to-link", "to-nothing"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        symlink("circle", at("circle")).unwrap();
        assert!(refusal(at("circle")).contains("too many links"));
        assert_eq!(names(&at("elsewhere")), ["file", "new"]);
    }

    /// Links that somebody else has put in the way are no way to a file.
    #[test]
    fn nothing_is_written_through_planted_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("victim"), b"kept").unwrap();
        for name in ["weights.unfinished", "weights.tmp", ".weights", "weights~"] {
            symlink("victim", at(name)).unwrap();
        }
        write_atomically(&at("weights"), b"new").unwrap();
        assert_eq!(fs::read(at("victim")).unwrap(), b"kept");
        assert_eq!(names(folder.path()).len(), 6);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        symlink("pipe", at("to-pipe")).unwrap();
        for name in ["pipe", "to-pipe"] {
            assert!(refusal(at(name)).contains("a device, a pipe or the like"));
        }
        // Asked only, since it would be a loss.
        let null = Claim::new("/dev/null".into()).unwrap_err();
        assert!(null.to_string().contains("a device, a pipe or the like"));
        let (reader, _writer) = std::io::pipe().unwrap();
        let held = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        if Path::new(&held).exists() {
            assert!(refusal(held).contains("a device, a pipe or the like"));
        }
        fs::create_dir(at("inner")).unwrap();
        for folder in [at("inner"), at("inner/."), at("inner/")] {
            assert!(refusal(folder).contains("add the file's name"));
        }
        assert!(refusal(at("new/")).contains("add the file's name"));
        assert!(refusal(at("inner/..")).contains("add the file's name"));
        assert!(refusal("/").contains("add the file's name"));
        assert_eq!(refusal(""), "``: the path is empty");
        for nowhere in ["nowhere/weights", "pipe/weights"] {
            refusal(at(nowhere));
        }
        assert_eq!(names(folder.path()), ["inner", "pipe", "to-pipe"]);
    }

    #[test]
    fn a_claim_keeps_other_writers_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let claim = || Claim::new(path.clone());
        let in_use = |result: Result<(), Error>| matches!(result, Err(Error::InUse { .. }));

        // As long as there is no file, the first to write has it.
        let (mut first, mut second) = (claim().unwrap(), claim().unwrap());
        first.write(b"first").unwrap();
        assert!(in_use(second.write(b"second")));
        assert!(in_use(claim().map(|_| ())));
        first.write(b"first again").unwrap();
        assert!(in_use(second.write(b"second")));
        assert_eq!(fs::read(&path).unwrap(), b"first again");

        drop(first);
        let mut third = claim().unwrap();
        assert!(in_use(second.write(b"second")));
        third.write(b"third").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"third".to_vec(), 1));
    }
}
