//! What a shader needs, read from its own text before a driver sees it: one declaration, no second copy to keep in step.

use crate::error::{Error, Result};
use naga::{AddressSpace, Module, Scalar, StorageAccess, TypeInner};

/// The needs of one entry point `main`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Needs {
    /// One storage buffer a binding, from 0 without gaps.
    pub bindings: Vec<Binding>,
    pub threads: u32,
    pub workgroup_bytes: u32,
    pub immediate_bytes: u32,
    /// Name and type of each field of the immediates.
    pub params: Vec<(String, &'static str)>,
}

/// A storage buffer of a shader.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binding {
    /// The variable's name, by which the host binds.
    pub name: String,
    /// Whether the shader only reads it.
    pub read_only: bool,
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
                let name = variable.name.clone().unwrap_or_default();
                let read_only = !access.contains(StorageAccess::STORE);
                bindings.push((at.binding, Binding { name, read_only }));
            }
            AddressSpace::WorkGroup => needs.workgroup_bytes += size().next_multiple_of(16),
            AddressSpace::Immediate => {
                needs.immediate_bytes += size();
                needs.params.extend(fields(&module, &module.types[variable.ty].inner));
            }
            _ => {}
        }
    }
    bindings.sort_unstable_by_key(|(at, _)| *at);
    if bindings.iter().enumerate().any(|(i, (at, _))| *at as usize != i) {
        return Err(bad("bindings have gaps".into()));
    }
    needs.bindings = bindings.into_iter().map(|(_, binding)| binding).collect();
    Ok(needs)
}

fn fields(module: &Module, inner: &TypeInner) -> Vec<(String, &'static str)> {
    let TypeInner::Struct { members, .. } = inner else { return Vec::new() };
    let kind = |inner: &TypeInner| match inner {
        TypeInner::Scalar(Scalar::U32) => "u32",
        TypeInner::Scalar(Scalar::F32) => "f32",
        _ => "neither u32 nor f32",
    };
    let field = |member: &naga::StructMember| {
        (member.name.clone().unwrap_or_default(), kind(&module.types[member.ty].inner))
    };
    members.iter().map(field).collect()
}
