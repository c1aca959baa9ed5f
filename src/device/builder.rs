//! How a [`Gpu`] comes about, and the choices behind it.

use super::adapter::{self, AdapterSummary};
use super::backend::Backend;
use super::gpu::Gpu;
use super::open;
use super::options::{Disable, Options, variable};
#[cfg(doc)]
use super::profile::Profile;
use super::variables::warn_of_unknown;
use crate::error::{Error, Result};
use std::fmt::Display;
use std::path::Path;

impl Gpu {
    /// Opens the best adapter: discrete before integrated before virtual before software.
    ///
    /// The environment (`NEARFIELD_ADAPTER`, `NEARFIELD_BACKEND`, ...) is read as [`GpuBuilder`] says.
    ///
    /// # Errors
    /// `NoAdapter` with the way to get a driver; `InvalidArgument` for a malformed environment variable;
    /// `Profile` for a malformed device profile.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// println!("{}: {}", gpu.caps().name, gpu.memory());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn new() -> Result<Gpu> {
        Gpu::builder().build()
    }

    /// Starts the choice of an adapter, a memory budget or a profile.
    ///
    /// # Example
    /// ```
    /// use nearfield::Gpu;
    /// // nothing is opened before `build`
    /// let builder = Gpu::builder().memory_budget(1 << 30);
    /// ```
    pub fn builder() -> GpuBuilder {
        GpuBuilder::default()
    }

    /// Every adapter of the machine, the preferred one first; its place is the index that `NEARFIELD_ADAPTER` takes. Equal
    /// cards differ in [`AdapterSummary::pci`].
    ///
    /// # Errors
    /// `NoAdapter` when there is none.
    ///
    /// # Example
    /// ```no_run
    /// for adapter in nearfield::Gpu::adapters()? {
    ///     println!("{adapter}");
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn adapters() -> Result<Vec<AdapterSummary>> {
        adapter::list()
    }

    /// Adopts a device that the application opened itself, with [`Gpu::required_features`] and
    /// [`Gpu::required_limits`]; features that it left out are done without.
    ///
    /// The application's handlers of uncaptured errors and of a lost device stay in place. Its types are those of
    /// [`nearfield::wgpu`](crate::wgpu); the crate's first page says which versions of wgpu go with which of this crate.
    ///
    /// # Errors
    /// `MissingFeature` or `LimitExceeded` when the device was opened with less than kernels need; as [`Gpu::new`] for
    /// the environment and the profile.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, wgpu};
    /// fn adopted(adapter: &wgpu::Adapter) -> Result<Gpu, Box<dyn std::error::Error>> {
    ///     let request = adapter.request_device(&wgpu::DeviceDescriptor {
    ///         required_features: Gpu::required_features(adapter),
    ///         required_limits: Gpu::required_limits(adapter),
    ///         // SAFETY: matrix units are what wgpu calls experimental; without this line, leave
    ///         // `EXPERIMENTAL_COOPERATIVE_MATRIX` out of the features.
    ///         experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
    ///         ..Default::default()
    ///     });
    ///     let (device, queue) = pollster::block_on(request)?;
    ///     Ok(Gpu::adopt(adapter, device.clone(), queue.clone())?) // both go on to be the application's
    /// }
    /// # let _ = adopted;
    /// ```
    pub fn adopt(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Gpu> {
        Gpu::builder().adopt(adapter, device, queue)
    }
}

/// Chooses the adapter, the memory budget and the profile of a [`Gpu`]; from [`Gpu::builder`].
///
/// What is not called is taken from the environment, then from the adapter:
///
/// | method | variable |
/// |---|---|
/// | [`adapter`](Self::adapter) | `NEARFIELD_ADAPTER` |
/// | [`backend`](Self::backend) | `NEARFIELD_BACKEND` |
/// | [`memory_budget`](Self::memory_budget) | `NEARFIELD_MEMORY_BUDGET` |
/// | [`profile`](Self::profile) | `NEARFIELD_PROFILE` |
/// | [`cache_dir`](Self::cache_dir) | `NEARFIELD_CACHE_DIR` |
/// | [`checked`](Self::checked) | `NEARFIELD_CHECKED` |
/// | [`disable`](Self::disable) | `NEARFIELD_DISABLE` |
/// | [`setting`](Self::setting) | `NEARFIELD_<SECTION>_<KEY>` |
///
/// A variable that is set to nothing counts as not set. One that begins with `NEARFIELD_` and has none of these names nor
/// one of those for this crate's own tests, such as a misspelt one, is warned about once.
///
/// # Example
/// ```no_run
/// use nearfield::Gpu;
/// let gpu = Gpu::builder().adapter("llvmpipe").memory_budget(8 << 30).build()?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct GpuBuilder {
    options: Options,
    disable: Option<String>,
    /// Whose device is taken instead of one of its own.
    beside: Option<Gpu>,
}

impl GpuBuilder {
    /// Takes the adapter at this place of [`Gpu::adapters`], the one with this PCI id (`0000:41:00.0`, or `41:00.0`), or the
    /// first whose name or driver contains the text.
    ///
    /// A number is a place and nothing else: where there is no such place, [`build`](Self::build) ends with `NoAdapter` and the
    /// list, though a name may have the number in it. An empty text is `InvalidArgument`.
    ///
    /// ```no_run
    /// use nearfield::Gpu;
    /// let by_name = Gpu::builder().adapter("radeon").build()?;
    /// let second_of_equal_cards = Gpu::builder().adapter("41:00.0").build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn adapter(mut self, name_or_index: impl Into<String>) -> Self {
        self.options.adapter = Some(name_or_index.into());
        self
    }

    /// Takes only adapters of this backend.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Backend, Gpu};
    /// let gpu = Gpu::builder().backend(Backend::Dx12).build()?;
    /// assert_eq!(gpu.caps().backend, Backend::Dx12);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn backend(mut self, backend: Backend) -> Self {
        self.options.backend = Some(backend);
        self
    }

    /// Device memory to use at most, in bytes, pooled buffers included. Default: 80 % of what the driver says is there,
    /// and 2 GiB where it does not say.
    ///
    /// 0 is refused. With a few MB small indexes are served, and more rows than fit are
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory): [`StreamedFlat`](crate::StreamedFlat) searches them from host
    /// memory. More than the device has is taken as it is, with a warning in the log: adapters that share the host's memory
    /// tell less than they can use, and where there is no more the driver says so, as the same error.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, parse_bytes};
    /// let gpu = Gpu::builder().memory_budget(parse_bytes("6GiB")?).build()?;
    /// assert_eq!(gpu.memory().budget, 6 << 30);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn memory_budget(mut self, bytes: u64) -> Self {
        self.options.memory_budget = Some(bytes);
        self
    }

    /// Reads a device profile that wins over the built-in ones.
    ///
    /// # Example
    /// ```no_run
    /// // what `nearfield tune` wrote for this card
    /// let gpu = nearfield::Gpu::builder().profile("tuned.toml").build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn profile(mut self, file: impl AsRef<Path>) -> Self {
        self.options.profile = Some(file.as_ref().to_owned());
        self
    }

    /// Keeps compiled pipelines in this folder, which is made where it is not there: the first search of the next process then
    /// takes milliseconds instead of the driver's compiler, which may take seconds.
    ///
    /// Default: the folder `nearfield` in `$XDG_CACHE_HOME` or `~/.cache`, on macOS in `~/Library/Caches`, on Windows in
    /// `%LOCALAPPDATA%`. There it does no harm if nothing can be written: the log has a line about it (`info`), and each process
    /// compiles anew. A folder that was asked for and cannot be made is an error of [`build`](Self::build), `InvalidArgument`.
    ///
    /// A file holds what one adapter and driver compiled, some MB, and is replaced as a whole, so that any number of processes
    /// may share the folder; it may be removed at any time. Only Vulkan has such files: Metal and DX12 keep their own.
    /// [`disable("cache")`](Self::disable), or `NEARFIELD_DISABLE=cache`, keeps and reads nothing.
    ///
    /// ```no_run
    /// let gpu = nearfield::Gpu::builder().cache_dir("/var/cache/my-service/pipelines").build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn cache_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.options.cache_dir = Some((folder.as_ref().to_owned(), "cache_dir"));
        self
    }

    /// Cuts matrices into segments of at most so many bytes, but not below 64 rows. Default: what one binding holds.
    /// For tests: it changes no answer.
    ///
    /// # Example
    /// ```no_run
    /// // a few thousand rows lie in as many segments as millions would
    /// let gpu = nearfield::Gpu::builder().max_segment_bytes(64 << 10).build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn max_segment_bytes(mut self, bytes: u64) -> Self {
        self.options.max_segment_bytes = Some(bytes);
        self
    }

    /// Has kernels see buffers of at most so many bytes, but not below 64 KiB, as on an adapter that binds no more. Default: what the
    /// adapter binds. For tests: it changes no answer, but what does not fit is an error.
    ///
    /// # Example
    /// ```no_run
    /// // what an adapter does that binds the 128 MiB that WebGPU guarantees
    /// let gpu = nearfield::Gpu::builder().max_binding_bytes(128 << 20).build()?;
    /// assert_eq!(gpu.caps().max_binding_bytes, 128 << 20);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn max_binding_bytes(mut self, bytes: u64) -> Self {
        self.options.max_binding_bytes = Some(bytes);
        self
    }

    /// Fills every new or reused buffer with a pattern, so that a kernel that reads what nobody wrote is found out.
    /// Default: off. For tests.
    ///
    /// # Example
    /// ```no_run
    /// // with both, what reads memory that nobody wrote is seen in the answers
    /// let gpu = nearfield::Gpu::builder().poison(true).checked(true).build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn poison(mut self, on: bool) -> Self {
        self.options.poison = Some(on);
        self
    }

    /// Compiles kernels with every runtime check of the shader compiler. Default: off. Slower; for tests.
    ///
    /// # Example
    /// ```no_run
    /// let careful = nearfield::Gpu::builder().checked(true).build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn checked(mut self, on: bool) -> Self {
        self.options.checked = Some(on);
        self
    }

    /// Does without features that the adapter has: a list such as `"subgroup,f16"` of subgroup, f16, coop,
    /// timestamp, cache; `baseline` leaves no more than WebGPU guarantees, limits included.
    ///
    /// # Example
    /// ```no_run
    /// // as on a card without f16 and matrix units
    /// let gpu = nearfield::Gpu::builder().disable("f16,coop").build()?;
    /// assert!(!gpu.caps().f16 && gpu.caps().coop.is_empty());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn disable(mut self, features: impl Into<String>) -> Self {
        self.disable = Some(features.into());
        self
    }

    /// Sets one key of the device profile (device-profiles/README.md), such as `("kernel.scan.bm", 64)`. [`Profile::entries`]
    /// lists them all.
    ///
    /// A key that there is not, or a value that it may not have, is an error of [`build`](Self::build), which names the nearest key.
    ///
    /// ```no_run
    /// let gpu = nearfield::Gpu::builder().setting("kernel.scan.int8_copy", 1).build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn setting(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.options.settings.push((key.into(), value.to_string()));
        self
    }

    /// Opens no device, but a handle with choices of its own on the device of another, whose kernels it shares: memory, budget, profile and
    /// settings are its own. Where a choice is of the device itself (`adapter`, `backend`, `disable`) it is opened anew. For tests, which
    /// have many settings and would have each kernel compiled for each.
    ///
    /// # Example
    /// ```no_run
    /// let gpu = nearfield::Gpu::new()?;
    /// let small = nearfield::Gpu::builder().memory_budget(1 << 20).beside(&gpu).build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn beside(mut self, gpu: &Gpu) -> Self {
        self.beside = Some(gpu.clone());
        self
    }

    /// Opens the device.
    ///
    /// # Errors
    /// As [`Gpu::new`]; `NoAdapter` also when none matches, with the names of those that are there.
    pub fn build(mut self) -> Result<Gpu> {
        let beside = self.beside.take();
        let of_device =
            [&self.options.adapter, &self.disable].iter().any(|choice| choice.is_some());
        let own = of_device || self.options.backend.is_some();
        let options = self.finish()?;
        match beside {
            Some(gpu) if !own => open::beside(&gpu, &options),
            _ => open::open(adapter::choose(&options)?, &options),
        }
    }

    /// Adopts a device that the application opened; see [`Gpu::adopt`].
    ///
    /// # Errors
    /// As [`Gpu::adopt`].
    ///
    /// # Example
    /// ```
    /// use nearfield::{Gpu, wgpu};
    /// /// Leaves most of the memory to the application that opened the device.
    /// fn adopted(adapter: &wgpu::Adapter, device: &wgpu::Device, queue: &wgpu::Queue) -> nearfield::Result<Gpu> {
    ///     Gpu::builder().memory_budget(1 << 30).adopt(adapter, device.clone(), queue.clone())
    /// }
    /// ```
    pub fn adopt(
        self,
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Result<Gpu> {
        open::adopt(adapter, device, queue, &self.finish()?)
    }

    fn finish(self) -> Result<Options> {
        let mut options = self.options;
        if options.memory_budget == Some(0) {
            let why =
                "0 bytes hold nothing; rows that stay in host memory are searched by StreamedFlat";
            return Err(Error::argument("memory_budget", why));
        }
        if let Some(list) = self.disable {
            options.disable = Some(Disable::parse(&list)?);
        }
        warn_of_unknown()?;
        options.with_environment(variable)
    }
}

#[cfg(test)]
impl Gpu {
    /// As [`Gpu::builder`], for tests, which share the device and its kernels with each other.
    pub(crate) fn test_builder() -> GpuBuilder {
        static FIRST: std::sync::LazyLock<Result<Gpu>> = std::sync::LazyLock::new(Gpu::new);
        match &*FIRST {
            Ok(first) => Gpu::builder().beside(first),
            Err(_) => Gpu::builder(),
        }
    }
}
