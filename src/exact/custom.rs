//! Checks a user's metric on its own, so that an error points into the user's text.

use crate::error::{Error, Result};
use crate::metric::CustomMetric;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Names at the top of the modules that the text becomes part of (shaders/exact/distance.wgsl and scan_key.wgsl).
const TAKEN: [&str; 37] = [
    "BIN",
    "Group",
    "NO_KEY",
    "NO_SCORE",
    "Params",
    "SENTINEL",
    "ascending_key",
    "best",
    "bias",
    "bin_best",
    "bitmap",
    "chosen",
    "descending_key",
    "finish_pair",
    "floats",
    "half_of",
    "integers",
    "main",
    "number_of_key",
    "out",
    "p",
    "present",
    "queries",
    "queries_load",
    "queries_staged",
    "row",
    "row4",
    "row4_at",
    "row4i",
    "row_table",
    "rows",
    "rows_Group",
    "rows_load",
    "rows_staged",
    "start",
    "step",
    "tile",
];

/// What WGSL declares itself and a module may declare anew: functions and types that the kernels, too, would then find under these names.
const PREDECLARED: &str = "abs acos acosh all any array arrayLength asin asinh atan atan2 atanh atomic atomicAdd atomicAnd \
    atomicCompareExchangeWeak atomicExchange atomicLoad atomicMax atomicMin atomicOr atomicStore atomicSub atomicXor bitcast bool ceil \
    clamp cos cosh countLeadingZeros countOneBits countTrailingZeros cross degrees determinant distance dot dot4I8Packed dot4U8Packed exp \
    exp2 extractBits f16 f32 faceForward firstLeadingBit firstTrailingBit floor fma fract frexp i32 insertBits inverseSqrt ldexp length \
    log log2 mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3 mat4x4 max min mix modf normalize pack2x16float pack2x16snorm \
    pack2x16unorm pack4x8snorm pack4x8unorm pack4xI8 pack4xI8Clamp pack4xU8 pack4xU8Clamp pow ptr quantizeToF16 radians reflect refract \
    reverseBits round saturate select sign sin sinh smoothstep sqrt step storageBarrier subgroupAdd subgroupMax subgroupMin tan tanh \
    transpose trunc u32 unpack2x16float unpack2x16snorm unpack2x16unorm unpack4x8snorm unpack4x8unorm unpack4xI8 unpack4xU8 vec2 vec2f \
    vec2h vec2i vec2u vec3 vec3f vec3h vec3i vec3u vec4 vec4f vec4h vec4i vec4u workgroupBarrier workgroupUniformLoad";

/// A name of WGSL's own that the text, which is WGSL, declares at the top of its module, with line and column.
fn predeclared(text: &str) -> Option<(&'static str, (u32, u32))> {
    PREDECLARED.split_whitespace().filter(|name| text.contains(name)).find_map(|name| {
        // only a second declaration is a redefinition: what a text uses under the name becomes another error
        let first = format!("const {name} = 0;\n");
        let whole = first.clone() + text;
        let error = naga::front::wgsl::parse_str(&whole).err()?;
        let at = error.location(&whole).filter(|at| at.offset as usize >= first.len());
        let place = at.map_or((0, 0), |at| (at.line_number - 1, at.line_position));
        error.message().starts_with("redefinition").then_some((name, place))
    })
}

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
    if let Some((name, (line, column))) = predeclared(text) {
        let why = format!("the name `{name}` is WGSL's own, which the kernels use: choose another");
        return Err(fail(line, column, why));
    }
    // behind a declaration of each name: nothing else can be wrong with it there
    let taken = TAKEN.map(|name| format!("const {name} = 0;")).concat() + "\n";
    let whole = taken.clone() + text;
    if let Err(e) = naga::front::wgsl::parse_str(&whole) {
        let at = e.location(&whole).filter(|at| at.offset as usize >= taken.len());
        let end = |at: naga::SourceLocation| (at.offset + at.length) as usize;
        let name = at.and_then(|at| whole.get(at.offset as usize..end(at))).unwrap_or("?");
        let why = format!("the name `{name}` is taken: choose another");
        let (line, column) = at.map_or((0, 0), |at| (at.line_number - 1, at.line_position));
        return Err(fail(line, column, why));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::variants;
    use crate::kernel::KernelVariant;
    use crate::metric::{Metric, Order};
    use std::collections::BTreeSet;

    fn checked(text: &str) -> Result<()> {
        match Metric::wgsl(text, 0.0, Order::Ascending) {
            Metric::Custom(metric) => check(&metric),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_names_of_the_kernels_are_those_that_are_taken() {
        let mut names = BTreeSet::new();
        for variant in variants().unwrap().iter().filter(|variant| !variant.trusted()) {
            let wgsl = KernelVariant::of(variant).unwrap().wgsl;
            let module = naga::front::wgsl::parse_str(&wgsl).unwrap();
            let all = (module.functions.iter().map(|(_, f)| &f.name))
                .chain(module.constants.iter().map(|(_, c)| &c.name))
                .chain(module.types.iter().map(|(_, t)| &t.name))
                .chain(module.global_variables.iter().map(|(_, v)| &v.name));
            names.extend(all.flatten().cloned());
            names.extend(module.entry_points.iter().map(|e| e.name.clone()));
            // which are no types of their own
            let aliases = wgsl.lines().filter_map(|line| line.strip_prefix("alias "));
            names.extend(aliases.filter_map(|a| a.split(' ').next()).map(str::to_owned));
        }
        for own in ["accumulate", "finish"] {
            assert!(names.remove(own), "{own}");
        }
        assert_eq!(names, TAKEN.map(str::to_owned).into());
    }

    #[test]
    fn what_wgsl_declares_itself_is_not_declared_anew() {
        let functions = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { let min = abs(q - x); return acc + max(min, 0.0); }\n\
                         fn finish(acc: f32, d: u32) -> f32 { return select(acc, 0.0, acc < 0.0); }\n";
        checked(functions).unwrap();
        for (own, name) in [
            ("fn min(a: u32, b: u32) -> u32 { return a; }", "min"),
            ("fn min(a: f32, b: f32) -> f32 { return a; }", "min"),
            ("fn workgroupBarrier() { }", "workgroupBarrier"),
            ("fn fma(a: f32) -> f32 { return a; }", "fma"),
            ("struct atomic { a: f32 }", "atomic"),
            ("alias vec2f = f32;", "vec2f"),
            ("const sign = 1.0;", "sign"),
        ] {
            let error = checked(&format!("{functions}{own}")).unwrap_err();
            let Error::Shader { line, message, .. } = error else { panic!("{error}") };
            assert!(
                line == 3 && message.contains(&format!("`{name}`")),
                "{own}: {line}, {message}"
            );
        }
    }

    #[test]
    fn a_name_that_is_taken_is_named_however_it_is_declared() {
        let functions = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc; }\n\
                         fn finish(acc: f32, d: u32) -> f32 { let tile = acc; return tile; }\n";
        checked(functions).unwrap();
        for declaration in [
            "fn tile() -> f32 { return 1.0; }",
            "const tile = 1.0;",
            "struct tile { a: f32 }",
            "alias tile = f32;",
        ] {
            match checked(&format!("{functions}  {declaration}")) {
                Err(Error::Shader { line: 3, column, message }) => {
                    let at = declaration.find("tile").unwrap() as u32 + 3;
                    assert_eq!(
                        (column, &*message),
                        (at, "the name `tile` is taken: choose another")
                    );
                }
                other => panic!("{declaration}: {other:?}"),
            }
        }
    }
}
