//! Expands the templates of `shaders/` to plain WGSL.
//!
//! The template engine is minijinja. A line that begins with `//%` is a statement (so that every file stays readable as
//! WGSL), `{{ x }}` an expression. Inner loops are unrolled here because naga writes every `for` as `while (true)`.

use super::variant::Variant;
use crate::error::{Error, Result};
use minijinja::Environment;
use minijinja::UndefinedBehavior;
use minijinja::syntax::SyntaxConfig;
use std::sync::OnceLock;

macro_rules! shaders {
    ($($name:literal),* $(,)?) => {
        /// Every file of `shaders/`.
        pub(crate) const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../shaders/", $name)))),*];
    };
}

shaders![
    "exact/distance.wgsl",
    "exact/f16_copy.wgsl",
    "exact/int8_copy.wgsl",
    "exact/mask_bias.wgsl",
    "exact/range.wgsl",
    "exact/rescore.wgsl",
    "exact/residual.wgsl",
    "exact/row_stats.wgsl",
    "exact/scan_matrix.wgsl",
    "exact/scan_row.wgsl",
    "exact/scan_tile.wgsl",
    "exact/select_bins.wgsl",
    "lib/constants.wgsl",
    "lib/load/element.wgsl",
    "lib/load/half.wgsl",
    "lib/load/rows.wgsl",
    "lib/math/largest.wgsl",
    "lib/math/log.wgsl",
    "lib/math/tree.wgsl",
    "lib/metric/binary.wgsl",
    "lib/metric/custom.wgsl",
    "lib/metric/direct.wgsl",
    "lib/metric/exact.wgsl",
    "lib/select/key.wgsl",
    "lib/select/radix.wgsl",
    "lib/tile/matrix.wgsl",
    "lib/tile/operand.wgsl",
    "lib/tile/register.wgsl",
    "ops/gather_rows.wgsl",
    "ops/normalise.wgsl",
    "ops/select_k.wgsl",
];

fn environment() -> Result<Environment<'static>> {
    let fail = |e: minijinja::Error| Error::internal(format!("template: {e:#}"));
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .line_statement_prefix("//%")
        .block_delimiters("{%", "%}")
        .build()
        .map_err(fail)?;
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    for &(name, text) in FILES {
        env.add_template(name, text).map_err(fail)?;
    }
    Ok(env)
}

/// The WGSL of a variant.
pub(crate) fn expand(variant: &Variant) -> Result<String> {
    static ENVIRONMENT: OnceLock<Result<Environment<'static>>> = OnceLock::new();
    let env = match ENVIRONMENT.get_or_init(environment) {
        Ok(env) => env,
        Err(e) => return Err(Error::internal(e.to_string())),
    };
    let folder = |name: &str| FILES.iter().find(|f| f.0.ends_with(&format!("/{name}.wgsl")));
    let file = folder(variant.kernel).map_or("", |f| f.0).to_owned();
    env.get_template(&file)
        .and_then(|t| t.render(variant.context()))
        .map_err(|e| Error::internal(format!("template of {}: {e:#}", variant.name())))
}
