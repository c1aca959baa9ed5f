//! Bind groups that are kept for the next dispatch of the same kernel over the same buffers.
//!
//! To make one takes wgpu about half of what a dispatch costs the host, and a search that is called again binds what the search before it bound: the
//! index's buffers, and those that the pool gives it in the same order.

use crate::error::Result;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Groups of a generation: two of them are kept at most.
const GENERATION: usize = 512;

/// What a group is of: the kernel's number, then number, offset and size of each buffer.
type Key = Box<[u64]>;

/// Numbers that one buffer has in a key.
const OF_BUFFER: usize = 3;

/// The bind groups of one device. wgpu keeps a buffer for as long as a group binds it: whoever frees one calls [`BindGroups::forget`].
#[derive(Default)]
pub(crate) struct BindGroups {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that were asked for since the last change of generations, and those that were before: a group that no dispatch asks for
    /// while so many others are is let go of.
    young: HashMap<Key, wgpu::BindGroup>,
    old: HashMap<Key, wgpu::BindGroup>,
    #[cfg(test)]
    made: u64,
}

impl State {
    fn keep(&mut self, key: Key, group: wgpu::BindGroup) -> HashMap<Key, wgpu::BindGroup> {
        let mut gone = HashMap::new();
        if self.young.len() >= GENERATION {
            gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        }
        self.young.insert(key, group);
        gone
    }
}

impl BindGroups {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group of this key, which `make` makes where it is not kept. The caller holds the buffers meanwhile.
    pub(crate) fn get(
        &self,
        key: &[u64],
        make: impl FnOnce() -> Result<wgpu::BindGroup>,
    ) -> Result<wgpu::BindGroup> {
        let mut state = self.lock();
        if let Some(group) = state.young.get(key) {
            return Ok(group.clone());
        }
        let old = state.old.remove_entry(key);
        let (key, group) = match old {
            Some(found) => found,
            None => {
                // Two threads may make the same; one of them is kept.
                drop(state);
                let made = make()?;
                state = self.lock();
                #[cfg(test)]
                {
                    state.made += 1;
                }
                (key.into(), made)
            }
        };
        let gone = state.keep(key, group.clone());
        // What wgpu frees with them is freed behind the lock.
        drop(state);
        drop(gone);
        Ok(group)
    }

    /// Lets go of the groups that bind the buffer of this number.
    pub(crate) fn forget(&self, buffer: u64) {
        let binds = |key: &Key| {
            key.get(1..).is_some_and(|of| of.chunks_exact(OF_BUFFER).any(|part| part[0] == buffer))
        };
        let mut gone = Vec::new();
        let mut state = self.lock();
        let State { young, old, .. } = &mut *state;
        for groups in [young, old] {
            gone.extend(groups.extract_if(|key, _| binds(key)));
        }
        drop(state);
        drop(gone);
    }

    /// How many were made, and how many are kept.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (u64, usize) {
        let state = self.lock();
        (state.made, state.young.len() + state.old.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Gpu;

    /// Groups of nothing, under any key.
    struct Empty(Gpu, BindGroups);

    impl Empty {
        fn get(&self, key: &[u64]) {
            let make =
                || {
                    let layout = self.0.device().create_bind_group_layout(
                        &wgpu::BindGroupLayoutDescriptor { label: None, entries: &[] },
                    );
                    Ok(self.0.device().create_bind_group(&wgpu::BindGroupDescriptor {
                        label: None,
                        layout: &layout,
                        entries: &[],
                    }))
                };
            self.1.get(key, make).unwrap();
        }
    }

    #[test]
    fn a_group_is_made_once_and_goes_with_its_buffer_or_when_nobody_asks() {
        let groups = Empty(Gpu::builder().build().unwrap(), BindGroups::default());
        // buffers 7 and 8 in both orders, and 7 in other ranges and of another kernel; a size that is another buffer's number
        let keys: [&[u64]; 5] = [
            &[1, 7, 0, 16, 8, 0, 16],
            &[1, 8, 0, 16, 7, 0, 16],
            &[1, 7, 256, 16, 8, 0, 16],
            &[2, 7, 0, 16, 8, 0, 16],
            &[7, 9, 0, 7, 8, 7, 7],
        ];
        for _ in 0..3 {
            keys.iter().for_each(|key| groups.get(key));
        }
        assert_eq!(groups.1.counts(), (5, 5));
        groups.1.forget(7);
        assert_eq!(groups.1.counts(), (5, 1));
        groups.get(keys[4]);
        assert_eq!(groups.1.counts(), (5, 1));
        // one that is asked for again and again stays among thousands that are not
        for other in 0..4 * GENERATION as u64 {
            groups.get(&[3, other, 0, 16]);
            groups.get(keys[4]);
        }
        let (made, kept) = groups.1.counts();
        assert_eq!(made, 5 + 4 * GENERATION as u64);
        assert!((GENERATION..=2 * GENERATION).contains(&kept), "{kept}");
        // also of those that are about to go
        groups.1.forget(8);
        groups.get(keys[4]);
        assert_eq!(groups.1.counts().0, made + 1);
    }
}
