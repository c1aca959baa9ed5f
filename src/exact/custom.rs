//! Checks a user's metric on its own, so that an error points into the user's text.

use crate::error::{Error, Result};
use crate::metric::CustomMetric;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Names at the top of the module that the text becomes part of (shaders/exact/distance.wgsl).
const TAKEN: [&str; 23] = [
    "BIN",
    "NO_KEY",
    "NO_SCORE",
    "Params",
    "SENTINEL",
    "ascending_key",
    "best",
    "bias",
    "bitmap",
    "chosen",
    "descending_key",
    "finish_pair",
    "half_of",
    "main",
    "out",
    "p",
    "queries",
    "row4",
    "row4i",
    "rows",
    "scale",
    "start",
    "step",
];

/// Checks that the text is WGSL, holds functions only, and defines `accumulate` and `finish` as asked.
pub(crate) fn check(metric: &CustomMetric) -> Result<()> {
    let text = metric.source.as_str();
    let fail = |line: u32, column: u32, message: String| Error::Shader { line, column, message };
    let module = naga::front::wgsl::parse_str(text).map_err(|e| {
        let at = e.location(text);
        let (line, column) = at.map_or((0, 0), |l| (l.line_number, l.line_position));
        fail(line, column, e.emit_to_string_with_path(text, "metric"))
    })?;
    // Directives stand before all else in a module, where this text does not go: behind a declaration, if an empty one, they
    // are no WGSL.
    if naga::front::wgsl::parse_str(&format!(";{text}")).is_err() {
        return Err(fail(1, 1, "a metric has no directives".into()));
    }
    if !module.entry_points.is_empty() {
        return Err(fail(0, 0, "a metric has no entry points".into()));
    }
    if let Some((handle, v)) = module.global_variables.iter().next() {
        let at = module.global_variables.get_span(handle).location(text);
        let name = v.name.as_deref().unwrap_or("?");
        let why = format!("a metric has functions only, `{name}` is a module variable");
        return Err(fail(at.line_number, at.line_position, why));
    }
    if let Some((handle, v)) = module.overrides.iter().next() {
        let at = module.overrides.get_span(handle).location(text);
        let name = v.name.as_deref().unwrap_or("?");
        let why = format!("nobody can set the override `{name}`: write a constant");
        return Err(fail(at.line_number, at.line_position, why));
    }
    let functions = module.functions.iter().map(|(h, f)| (&f.name, module.functions.get_span(h)));
    let constants = module.constants.iter().map(|(h, c)| (&c.name, module.constants.get_span(h)));
    let types = module.types.iter().map(|(h, t)| (&t.name, module.types.get_span(h)));
    for (name, span) in functions.chain(constants).chain(types) {
        if let Some(name) = name.as_deref().filter(|name| TAKEN.contains(name)) {
            let at = span.location(text);
            let why = format!("the name `{name}` is taken: choose another");
            return Err(fail(at.line_number, at.line_position, why));
        }
    }
    Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).map_err(
        |e| {
            let at = e.spans().next().map(|(span, _)| span.location(text));
            let (line, column) = at.map_or((0, 0), |l| (l.line_number, l.line_position));
            fail(line, column, e.emit_to_string_with_path(text, "metric"))
        },
    )?;
    signature(&module, text, "accumulate", &["f32", "f32", "f32"])?;
    signature(&module, text, "finish", &["f32", "u32"])
}

fn signature(module: &naga::Module, text: &str, name: &str, arguments: &[&str]) -> Result<()> {
    let expected = format!("fn {name}({}) -> f32", arguments.join(", "));
    let found = module.functions.iter().find(|(_, f)| f.name.as_deref() == Some(name));
    let Some((handle, function)) = found else {
        let message = format!("`{expected}` is missing");
        return Err(Error::Shader { line: 0, column: 0, message });
    };
    let scalar = |ty: naga::Handle<naga::Type>| match module.types[ty].inner {
        naga::TypeInner::Scalar(naga::Scalar::F32) => "f32",
        naga::TypeInner::Scalar(naga::Scalar::U32) => "u32",
        _ => "another type",
    };
    let actual: Vec<_> = function.arguments.iter().map(|a| scalar(a.ty)).collect();
    if actual != arguments || function.result.as_ref().map(|r| scalar(r.ty)) != Some("f32") {
        let at = module.functions.get_span(handle).location(text);
        let message = format!("`{name}` must be `{expected}`");
        return Err(Error::Shader { line: at.line_number, column: at.line_position, message });
    }
    Ok(())
}
