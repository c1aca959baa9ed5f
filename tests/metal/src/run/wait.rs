//! What a thread of a workgroup waits for.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// For nothing: it can run.
    Ready,
    /// For all threads of the workgroup at this line.
    Barrier {
        flags: u32,
        line: u32,
    },
    /// For all lanes of its SIMD group at this line.
    Lanes {
        what: u32,
        line: u32,
    },
    Done,
    Fault,
}

impl Wait {
    pub fn line(self) -> Option<u32> {
        match self {
            Wait::Barrier { line, .. } | Wait::Lanes { line, .. } => Some(line),
            _ => None,
        }
    }
}
