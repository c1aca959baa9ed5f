//! A kernel with all its compile-time constants filled in.

use super::params::{Field, Params};
use super::reflect::Needs;
use super::shader::Shader;
use crate::error::{Error, Result};
use minijinja::Value;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the template calls a user's text.
const FOREIGN: &str = "custom_source";

/// Names one pipeline. Two variants with equal names and, where a user's text is a part of them, with equal texts are the same
/// pipeline: of the text the name has a checksum, which another may have, too.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    shader: Shader,
    /// The fields of the struct that is passed to it.
    params: &'static [Field],
    /// Files that it includes and that are no part of `shaders/lib`.
    parts: Vec<Shader>,
    constants: Vec<(&'static str, Value)>,
    name: String,
    trusted: bool,
}

impl Variant {
    /// A variant of a shader whose parameters are a `P`.
    pub fn new<P: Params>(shader: Shader) -> Self {
        let (parts, constants, name) = (Vec::new(), Vec::new(), shader.name.to_owned());
        Variant { shader, params: P::FIELDS, parts, constants, name, trusted: true }
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

    /// A constant that the name leaves out, because another part of it says the same.
    pub fn implied(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.constants.push((key, value.into()));
        self
    }

    /// A file of its owner's that the shader includes by the name of `key`; what the name has to tell apart is said by others.
    pub fn part(mut self, key: &'static str, part: Shader) -> Self {
        self.constants.push((key, Value::from(part.file)));
        self.parts.push(part);
        self
    }

    /// A user's text and what it begins with, spelled by their checksums. Such a variant is compiled with every runtime check.
    pub fn foreign(mut self, source: &str, initial: u32) -> Self {
        let _ = write!(self.name, "_{:08x}_{initial:08x}", crc32fast::hash(source.as_bytes()));
        self.constants.push((FOREIGN, Value::from(source)));
        self.constants.push(("custom_initial", Value::from(initial)));
        self.trusted = false;
        self
    }

    /// The name with every constant: the pipeline's label, the key in logs, stats and benches.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user's text; empty where all is ours.
    pub(super) fn foreign_text(&self) -> &str {
        let text = self.constants.iter().find(|(key, _)| !self.trusted && *key == FOREIGN);
        text.and_then(|(_, text)| text.as_str()).unwrap_or_default()
    }

    /// Whether all of its text is ours.
    pub fn trusted(&self) -> bool {
        self.trusted
    }

    pub(super) fn shader(&self) -> Shader {
        self.shader
    }

    pub(super) fn parts(&self) -> &[Shader] {
        &self.parts
    }

    pub(super) fn params(&self) -> &'static [Field] {
        self.params
    }

    /// What the template sees: the constants, and `slot()`, which gives one binding after the other its number.
    pub(super) fn context(&self) -> Value {
        let next = Arc::new(AtomicU32::new(0));
        let slot = Value::from_function(move || next.fetch_add(1, Ordering::Relaxed));
        let constants = self.constants.iter().cloned();
        Value::from_pairs(constants.chain([("slot", slot)]))
    }

    /// Holds the parameters that the host passes against those that the shader declares.
    pub(super) fn check(&self, needs: &Needs) -> Result<()> {
        let declared = needs.params.iter().map(|(name, kind)| (name.as_str(), *kind));
        if declared.clone().eq(self.params.iter().copied()) {
            return Ok(());
        }
        let declared: Vec<_> = declared.collect();
        let reason = format!("{}: the host passes {:?}", self.name, self.params);
        Err(Error::internal(format!("{reason}, the shader declares {declared:?}")))
    }
}

#[cfg(test)]
#[path = "variant_tests.rs"]
mod tests;
