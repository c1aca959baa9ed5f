//! Expands the templates of `shaders/` to plain WGSL.
//!
//! The template engine is minijinja. A line that begins with `//%` is a statement (so that every file stays readable as
//! WGSL), `{{ x }}` an expression. Inner loops are unrolled here because naga writes every `for` as `while (true)`.

use super::shader::{Shader, shader};
use super::variant::Variant;
use crate::error::{Error, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use std::sync::OnceLock;

/// What any shader may include.
const LIBRARY: &[Shader] = &[
    shader!("lib", "constants"),
    shader!("lib/load", "decoded"),
    shader!("lib/load", "element"),
    shader!("lib/load", "grid"),
    shader!("lib/load", "half"),
    shader!("lib/load", "operand"),
    shader!("lib/load", "rows"),
    shader!("lib/load", "tables"),
    shader!("lib/math", "largest"),
    shader!("lib/math", "log"),
    shader!("lib/math", "logs"),
    shader!("lib/math", "norm"),
    shader!("lib/math", "ones"),
    shader!("lib/math", "plus"),
    shader!("lib/math", "prefix"),
    shader!("lib/math", "tree"),
    shader!("lib/metric", "binary"),
    shader!("lib/metric", "bit_score"),
    shader!("lib/metric", "custom"),
    shader!("lib/metric", "direct"),
    shader!("lib/metric", "exact"),
    shader!("lib/metric", "rounded_query"),
    shader!("lib/metric", "step"),
    shader!("lib/rows", "identity"),
    shader!("lib/rows", "table"),
    shader!("lib/select", "key"),
    shader!("lib/select", "radix"),
    shader!("lib/tile/list", "bindings"),
    shader!("lib/tile/list", "items"),
    shader!("lib/tile/matrix", "bin_best"),
    shader!("lib/tile/matrix", "load"),
    shader!("lib/tile/matrix", "multiply"),
    shader!("lib/tile/matrix", "results"),
    shader!("lib/tile/matrix", "shape"),
    shader!("lib/tile/matrix", "store"),
    shader!("lib/tile/row", "bin_best"),
    shader!("lib/tile/row", "lookup"),
    shader!("lib/tile/row", "product"),
    shader!("lib/tile/row", "read"),
    shader!("lib/tile/scan", "bindings"),
    shader!("lib/tile/scan", "bound"),
    shader!("lib/tile/scan", "params"),
    shader!("lib/tile/scan", "select_params"),
    shader!("lib/tile/register", "bin_best"),
    shader!("lib/tile/register", "bits"),
    shader!("lib/tile/register", "bin_key"),
    shader!("lib/tile/register", "columns"),
    shader!("lib/tile/register", "load"),
    shader!("lib/tile/register", "multiply"),
    shader!("lib/tile/register", "shape"),
    shader!("lib/tile/register", "store"),
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
    for part in LIBRARY {
        env.add_template(part.file, part.text).map_err(fail)?;
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
    let fail =
        |e: minijinja::Error| Error::internal(format!("template of {}: {e:#}", variant.name()));
    let shader = variant.shader();
    let mut parts = variant.parts().iter().filter(|part| !LIBRARY.contains(part)).peekable();
    if parts.peek().is_none() {
        return env.render_named_str(shader.file, shader.text, variant.context()).map_err(fail);
    }
    let mut env = env.clone();
    for part in parts {
        env.add_template(part.file, part.text).map_err(fail)?;
    }
    env.render_named_str(shader.file, shader.text, variant.context()).map_err(fail)
}
