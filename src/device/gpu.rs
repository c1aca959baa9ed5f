//! The handle of an opened device, and what every layer above asks of it.

use super::caps::Caps;
use super::completion::Completion;
use super::health::{self, Health, WAIT_SLICE};
use super::memory::{Ledger, MemoryReport};
use super::poller::Poller;
use super::profile::Profile;
use super::traffic::{Traffic, UnderWay};
use crate::error::{Error, Result};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One GPU, opened: the handle that every index and matrix is made with.
///
/// [`Gpu::new`] takes the best adapter of the machine, [`Gpu::builder`] the one that is asked for, and
/// [`Gpu::adopt`] a device that an application opened itself. Clones share the device, its memory budget and its
/// caches; threads may use them at the same time.
///
/// Keep one for as long as the program runs. Opening another costs milliseconds and compiles every kernel again, and closing one
/// is where drivers are weakest: NVIDIA's 580.159.04 can wait for ever where one thread drops the last handle of a device (a
/// [`Gpu`] or an index that was made with it) just while another thread ends that has used a device. Neither a library nor wgpu can
/// prevent that; a program can, by dropping the last handle when its other threads have ended.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Metric};
/// let gpu = Gpu::new()?;
/// // handles of one device: both indexes count against its memory
/// let (images, texts) = (Flat::new(&gpu, 512, Metric::Cosine)?, Flat::new(&gpu, 384, Metric::Cosine)?);
/// let for_another_thread = gpu.clone();
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone)]
pub struct Gpu {
    pub(super) inner: Arc<Inner>,
}

/// What the clones of a [`Gpu`] share.
///
/// Fields are dropped in their order: threads that have used the device end before it is closed.
pub(super) struct Inner {
    /// One value of each type that asked for one: see [`Gpu::state`].
    pub(super) states: States,
    /// As many of handles that stand beside each other: see [`Gpu::common_state`].
    pub(super) common: Arc<States>,
    pub(super) poller: Poller,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) caps: Caps,
    pub(super) profile: Profile,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) health: Arc<Health>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) settings: Settings,
}

/// Values by their types.
pub(super) type States = Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>;

/// What the builder was asked for and the layers above heed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Bytes of a segment of a matrix at most, where that is less than one binding holds.
    pub(crate) max_segment_bytes: Option<u64>,
    /// Whether every new or reused buffer is filled with a pattern.
    pub(crate) poison: bool,
    /// Whether kernels are compiled with every runtime check.
    pub(crate) checked: bool,
    /// Whether an application opened the device.
    pub(crate) adopted: bool,
}

impl Gpu {
    /// What the adapter can do.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// if gpu.caps().software {
    ///     eprintln!("{} runs on the processor", gpu.caps().name);
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn caps(&self) -> &Caps {
        &self.inner.caps
    }

    /// The tuning that is in force.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// println!("tuned as {}: scans in blocks of {:?}", gpu.profile().name(), gpu.profile().get("kernel.scan.bm"));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn profile(&self) -> &Profile {
        &self.inner.profile
    }

    /// The folder in which compiled pipelines are kept ([`GpuBuilder::cache_dir`](crate::GpuBuilder::cache_dir)), whether or
    /// not it can be written to; `None` where nothing is kept.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// match gpu.cache_dir() {
    ///     Some(folder) => println!("pipelines are kept in {}", folder.display()),
    ///     None => println!("every process compiles anew"),
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn cache_dir(&self) -> Option<&Path> {
        self.inner.cache_dir.as_deref()
    }

    /// Device memory by purpose, with the peak and the pool's hits.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// let memory = gpu.memory();
    /// println!("{} MiB are left", (memory.budget - memory.in_use) >> 20);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn memory(&self) -> MemoryReport {
        self.inner.ledger.report()
    }

    /// Whether the two are clones of each other.
    pub(crate) fn is(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.inner.ledger
    }

    pub(crate) fn settings(&self) -> Settings {
        self.inner.settings
    }

    /// Whether kernels are compiled with every runtime check.
    pub(crate) fn checked(&self) -> bool {
        self.inner.settings.checked
    }

    /// `Err(DeviceLost)` once the device is gone.
    pub(crate) fn check_alive(&self) -> Result<()> {
        self.inner.health.check()
    }

    /// Declares the device lost: wgpu tells one caller only, and all others have to learn of it.
    pub(crate) fn mark_lost(&self, reason: &str) {
        self.inner.health.lose(reason);
    }

    /// Runs `f` and turns what wgpu reports meanwhile into an error.
    ///
    /// wgpu's error scopes are a stack of each thread: they are pushed and popped here and nowhere else.
    pub(crate) fn scoped<T>(&self, what: &str, f: impl FnOnce() -> T) -> Result<T> {
        self.check_alive()?;
        let (value, error) = health::in_scopes(&self.inner.device, f);
        self.check_alive()?;
        match error {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { .. }) => Err(self.inner.ledger.exhausted(what, 0)),
            Some(e) => Err(Error::internal(format!("{what}: {e}"))),
        }
    }

    /// Waits for the submission, a limited time; returns whether it is done.
    pub(crate) fn wait_slice(&self, index: &wgpu::SubmissionIndex) -> Result<bool> {
        self.inner.health.wait(&self.inner.device, Some(index), WAIT_SLICE)
    }

    /// Waits a limited time for all that is submitted.
    pub(crate) fn wait_idle(&self) -> Result<()> {
        self.inner.health.wait(&self.inner.device, None, WAIT_SLICE).map(|_| ())
    }

    /// How long a waiting thread polls before it sleeps.
    pub(crate) fn spin(&self) -> Duration {
        let micros = self.inner.profile.u32("submit", "spin_us").unwrap_or(0);
        Duration::from_micros(micros.into())
    }

    /// Lets wgpu free what finished submissions held, without blocking.
    pub(crate) fn tick(&self) -> Result<()> {
        self.inner.health.poll(&self.inner.device, wgpu::PollType::Poll).map(|_| ())
    }

    /// Counts a submission as under way until what this returns is dropped.
    pub(crate) fn under_way(&self) -> UnderWay {
        self.inner.traffic.begin()
    }

    /// Whether no submission is under way, as far as anybody has asked the device.
    pub(crate) fn is_idle(&self) -> bool {
        self.inner.traffic.is_idle()
    }

    /// Has the polling thread drive the device until `completion` is there.
    pub(crate) fn watch(
        &self,
        index: wgpu::SubmissionIndex,
        completion: Arc<Completion>,
    ) -> Result<()> {
        self.inner.poller.watch(index, completion)
    }

    /// The one value of `T` that belongs to this device: pools and caches of the layers above.
    ///
    /// A `T` must not hold a [`Gpu`], which would keep both alive for ever.
    pub(crate) fn state<T: Default + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        of_type(&self.inner.states)
    }

    /// As [`Gpu::state`], the one value of all handles that [`GpuBuilder::beside`](crate::GpuBuilder::beside) opened on one device.
    pub(crate) fn common_state<T: Default + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        of_type(&self.inner.common)
    }
}

fn of_type<T: Default + Send + Sync + 'static>(states: &States) -> Result<Arc<T>> {
    let mut states = states.lock().unwrap_or_else(PoisonError::into_inner);
    let state = states.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
    // The key is the type, so the cast cannot fail; an error costs nothing and spares a panic.
    Arc::clone(state).downcast().map_err(|_| Error::internal("a state of another type"))
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu")
            .field("name", &self.inner.caps.name)
            .field("backend", &self.inner.caps.backend)
            .finish_non_exhaustive()
    }
}
