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
    "common/element.wgsl",
    "common/half.wgsl",
    "common/key.wgsl",
    "common/largest.wgsl",
    "common/log.wgsl",
    "common/params.wgsl",
    "common/radix.wgsl",
    "common/rows.wgsl",
    "common/tree.wgsl",
    "metric/binary.wgsl",
    "metric/custom.wgsl",
    "metric/direct.wgsl",
    "metric/exact.wgsl",
    "tile/matrix.wgsl",
    "tile/operand.wgsl",
    "tile/register.wgsl",
    "byte_copy.wgsl",
    "distance.wgsl",
    "gather_rows.wgsl",
    "half_copy.wgsl",
    "mask_bias.wgsl",
    "normalise.wgsl",
    "range.wgsl",
    "rescore.wgsl",
    "residual.wgsl",
    "row_stats.wgsl",
    "scan_matrix.wgsl",
    "scan_row.wgsl",
    "scan_tile.wgsl",
    "select_bins.wgsl",
    "select_k.wgsl",
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
    let file = format!("{}.wgsl", variant.kernel);
    env.get_template(&file)
        .and_then(|t| t.render(variant.context()))
        .map_err(|e| Error::internal(format!("template of {}: {e:#}", variant.name())))
}
