//! A kernel with all its compile-time constants filled in.

use crate::metric::CustomMetric;
use minijinja::Value;
use std::fmt::Write;
use std::sync::Arc;

/// Names one pipeline. Two variants with equal names are the same pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// The kernel, which is also the file `shaders/<kernel>.wgsl`.
    pub kernel: &'static str,
    constants: Vec<(&'static str, Value)>,
    name: String,
    custom: Option<Arc<CustomMetric>>,
}

impl Variant {
    pub fn new(kernel: &'static str) -> Self {
        Variant { kernel, constants: Vec::new(), name: kernel.to_owned(), custom: None }
    }

    /// A number: spelled `bm128` in the name.
    pub fn int(mut self, key: &'static str, value: u32) -> Self {
        let _ = write!(self.name, "_{key}{value}");
        self.constants.push((key, Value::from(value)));
        self
    }

    /// A word: spelled as itself.
    pub fn word(mut self, key: &'static str, value: &'static str) -> Self {
        let _ = write!(self.name, "_{value}");
        self.constants.push((key, Value::from(value)));
        self
    }

    /// A flag: spelled by its key when set, silent otherwise.
    pub fn flag(mut self, key: &'static str, value: bool) -> Self {
        if value {
            let _ = write!(self.name, "_{key}");
        }
        self.constants.push((key, Value::from(value)));
        self
    }

    /// A user's functions, spelled by their checksum.
    pub fn custom(mut self, metric: &Arc<CustomMetric>) -> Self {
        let _ = write!(self.name, "_{:08x}", crc32fast::hash(metric.source.as_bytes()));
        let _ = write!(self.name, "_{:08x}", metric.initial.to_bits());
        self.constants.push(("custom_source", Value::from(metric.source.clone())));
        self.constants.push(("custom_initial", Value::from(metric.initial.to_bits())));
        self.custom = Some(metric.clone());
        self
    }

    /// The name with every constant: the pipeline's label, the key in logs, stats and benches.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A user's text is never compiled without runtime checks.
    pub fn always_checked(&self) -> bool {
        self.custom.is_some()
    }

    pub(super) fn context(&self) -> Value {
        Value::from_pairs(self.constants.iter().cloned())
    }
}
