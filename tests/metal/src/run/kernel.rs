//! A compiled kernel.

use super::state::State;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What of a kernel is known without running it.
#[derive(Debug)]
pub struct Description {
    pub name: String,
    /// Threads of a workgroup.
    pub threads: [u32; 3],
    /// Bytes of its workgroup variables.
    pub shared: Vec<u32>,
    /// Its MSL as it was compiled, and where that lies for a reader.
    pub text: String,
    pub source: PathBuf,
    pub object: PathBuf,
}

/// One entry point, loaded.
#[derive(Debug)]
pub struct Kernel {
    pub about: Description,
    /// Runs one thread.
    pub entry: extern "C" fn(),
    /// Where its code looks for the machine's state.
    pub state: *mut *const State,
    _library: libloading::Library,
}

// SAFETY: the machine, which one thread has at a time, is the only one that runs it and writes its pointer.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

impl Kernel {
    pub fn load(about: Description) -> Result<Kernel, String> {
        let failed = |e: libloading::Error| format!("{}: {e}", about.object.display());
        // SAFETY: the object was compiled here, and nothing in it runs when it is loaded.
        let library = unsafe { libloading::Library::new(&about.object) }.map_err(failed)?;
        // SAFETY: the header and the unit define both with these types.
        let (entry, state) = unsafe {
            let entry = library.get::<extern "C" fn()>(b"nearfield_thread").map_err(failed)?;
            let state = library
                .get::<extern "C" fn() -> *mut *const State>(b"nearfield_state")
                .map_err(failed)?;
            (*entry, state())
        };
        Ok(Kernel { about, entry, state, _library: library })
    }

    /// The line of the MSL that a return address belongs to.
    pub fn line_of(&self, code: usize) -> Option<u32> {
        let call = code.checked_sub(1)?;
        let found = found(call)?;
        // What the kernel calls may be another object's.
        let own = self::found(self.entry as usize)?.dli_fbase;
        if found.dli_fbase != own {
            return None;
        }
        let loader = addr2line::Loader::new(&self.about.object).ok()?;
        let at = (call - found.dli_fbase as usize) as u64;
        // The innermost frames may be the header's, inlined into the kernel.
        let mut frames = loader.find_frames(at).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let Some(location) = frame.location else { continue };
            if location.file.is_some_and(|file| file.ends_with(".metal")) {
                return location.line;
            }
        }
        None
    }

    /// Where a line is, and what it says.
    pub fn quote(&self, line: Option<u32>) -> String {
        let Some(line) = line else { return String::new() };
        let mut quoted = format!(" ({}:{line})", self.about.source.display());
        if let Some(text) = self.about.text.lines().nth(line.saturating_sub(1) as usize) {
            let _ = write!(quoted, "\n    {}", text.trim());
        }
        quoted
    }
}

/// The shared object that an address lies in.
pub fn found(address: usize) -> Option<libc::Dl_info> {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `dladdr` writes the struct that it is given, or returns 0.
    unsafe {
        let known = libc::dladdr(address as *const libc::c_void, found.as_mut_ptr()) != 0;
        known.then(|| found.assume_init())
    }
}
