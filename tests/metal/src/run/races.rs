//! Races on workgroup memory: two threads that touch one element between two barriers, one of them writing.

use super::state::{ATOMIC, Range, WRITE};

/// f16 is the smallest type that kernels have.
const GRANULE: usize = 2;

/// When a thread touched an element: after how many barriers of the workgroup and of its SIMD group.
#[derive(Clone, Copy, Default)]
struct Stamp {
    /// 0 is never.
    epoch: u32,
    simd_epoch: u32,
    thread: u32,
}

#[derive(Clone, Copy, Default)]
struct Element {
    write: Stamp,
    atomic: Stamp,
    /// The last reader, the last before it that was another thread, and the last before it of another SIMD group: a barrier of
    /// one SIMD group does not order what the others read.
    reads: [Stamp; 3],
}

/// The history of every element.
pub struct Races {
    variables: Vec<(Range, Vec<Element>)>,
    lanes: u32,
    epoch: u32,
    simd_epochs: Vec<u32>,
}

impl Races {
    pub fn new(variables: &[Range], lanes: u32, simdgroups: usize) -> Races {
        let history =
            |range: &Range| vec![Element::default(); (range.end - range.begin).div_ceil(GRANULE)];
        let variables = variables.iter().map(|range| (*range, history(range))).collect();
        Races { variables, lanes, epoch: 1, simd_epochs: vec![1; simdgroups] }
    }

    /// All threads passed a barrier that orders workgroup memory, or a new workgroup begins.
    pub fn barrier(&mut self) {
        self.epoch += 1;
    }

    pub fn simd_barrier(&mut self, simdgroup: usize) {
        self.simd_epochs[simdgroup] += 1;
    }

    /// Records it. The thread that it races with, the variable and the byte in it.
    pub fn touch(
        &mut self,
        at: usize,
        bytes: usize,
        how: u32,
        thread: u32,
    ) -> Option<(u32, usize, usize)> {
        let simdgroup = thread / self.lanes;
        let now =
            Stamp { epoch: self.epoch, simd_epoch: self.simd_epochs[simdgroup as usize], thread };
        let lanes = self.lanes;
        let races = |then: Stamp| {
            let ordered = then.thread / lanes == simdgroup && then.simd_epoch < now.simd_epoch;
            then.epoch == now.epoch && then.thread != thread && !ordered
        };
        let inside = |range: &Range| range.begin <= at && at < range.end;
        let (variable, (range, history)) =
            self.variables.iter_mut().enumerate().find(|(_, (range, _))| inside(range))?;
        let first = (at - range.begin) / GRANULE;
        let last = (at - range.begin + bytes - 1) / GRANULE;
        for (offset, element) in history[first..=last].iter_mut().enumerate() {
            let [reader, earlier, elsewhere] = element.reads;
            let seen = match how {
                WRITE => &[element.write, element.atomic, reader, earlier, elsewhere][..],
                ATOMIC => &[element.write, reader, earlier, elsewhere][..],
                _ => &[element.write, element.atomic][..],
            };
            if let Some(then) = seen.iter().find(|then| races(**then)) {
                return Some((then.thread, variable, (first + offset) * GRANULE));
            }
            match how {
                WRITE => element.write = now,
                ATOMIC => element.atomic = now,
                _ if reader.thread == thread => element.reads[0] = now,
                _ if reader.thread / lanes == simdgroup => element.reads = [now, reader, elsewhere],
                _ => element.reads = [now, reader, reader],
            }
        }
        None
    }
}
