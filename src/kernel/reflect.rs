//! What a shader needs, read from its own text before a driver sees it: one declaration, no second copy to keep in step.

use crate::error::{Error, Result};
use naga::{AddressSpace, StorageAccess};

/// The needs of one entry point `main`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Needs {
    /// One storage buffer a binding, from 0 without gaps: whether the shader only reads it.
    pub read_only: Vec<bool>,
    pub threads: u32,
    pub workgroup_bytes: u32,
    pub immediate_bytes: u32,
}

/// Parses `wgsl` and reads its needs. `name` goes into the error.
pub(crate) fn reflect(name: &str, wgsl: &str) -> Result<Needs> {
    let bad = |why: String| Error::internal(format!("shader {name}: {why}"));
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| {
        let at = e.location(wgsl);
        Error::Shader {
            line: at.map_or(0, |l| l.line_number),
            column: at.map_or(0, |l| l.line_position),
            message: format!("{name}: {}", e.emit_to_string(wgsl)),
        }
    })?;
    let entry = module.entry_points.first().ok_or_else(|| bad("no entry point".into()))?;
    let mut needs = Needs { threads: entry.workgroup_size.iter().product(), ..Needs::default() };
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let size = || module.types[variable.ty].inner.size(module.to_ctx());
        match variable.space {
            AddressSpace::Storage { access } => {
                let at = variable.binding.ok_or_else(|| bad("a buffer without binding".into()))?;
                bindings.push((at.binding, !access.contains(StorageAccess::STORE)));
            }
            AddressSpace::WorkGroup => needs.workgroup_bytes += size().next_multiple_of(16),
            AddressSpace::Immediate => needs.immediate_bytes += size(),
            _ => {}
        }
    }
    bindings.sort_unstable();
    if bindings.iter().enumerate().any(|(i, b)| b.0 as usize != i) {
        return Err(bad("bindings have gaps".into()));
    }
    needs.read_only = bindings.into_iter().map(|b| b.1).collect();
    Ok(needs)
}
