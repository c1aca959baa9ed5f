//! Whether a user's metric is brief enough to stand some hundred times in one kernel.

use naga::{BinaryOperator, Block, Expression, Function, MathFunction, Module, Statement};

/// Most operations of `accumulate`, which stands 256 times in the loop over a slab where a thread has 8 x 8 results and 64 times behind
/// it. Longer loops no longer fit the instruction caches (of NVIDIA 128 KB), and what computes for so long gains little from loading less.
const STEP: u32 = 20;
/// And of `finish`, which stands there 64 times.
const END: u32 = 60;
/// What a quotient or a transcendental function counts for.
const LONG: u32 = 8;

/// Whether the functions of a text that is checked are brief and without branches, loops and indices, of which some drivers compile so
/// many copies for minutes.
pub(crate) fn is_brief(text: &str) -> bool {
    let Ok(module) = naga::front::wgsl::parse_str(text) else { return false };
    let within = |name: &str, most: u32| {
        let mut functions = module.functions.iter();
        let function = functions.find(|(_, f)| f.name.as_deref() == Some(name));
        function.and_then(|(_, f)| operations(&module, f)).is_some_and(|count| count <= most)
    };
    within("accumulate", STEP) && within("finish", END)
}

/// `None` where they are not one straight line.
fn operations(module: &Module, function: &Function) -> Option<u32> {
    let mut count = statements(module, &function.body)?;
    for (_, expression) in function.expressions.iter() {
        count = count.saturating_add(cost(expression)?);
    }
    Some(count)
}

/// Of the functions that are called.
fn statements(module: &Module, block: &Block) -> Option<u32> {
    let mut count = 0u32;
    for statement in block {
        count = count.saturating_add(match statement {
            Statement::Emit(_) | Statement::Return { .. } | Statement::Store { .. } => 0,
            Statement::Block(block) => statements(module, block)?,
            Statement::Call { function, .. } => operations(module, &module.functions[*function])?,
            _ => return None,
        });
    }
    Some(count)
}

fn cost(expression: &Expression) -> Option<u32> {
    use MathFunction::*;
    Some(match expression {
        Expression::Access { .. } => return None,
        Expression::Binary { op: BinaryOperator::Divide | BinaryOperator::Modulo, .. } => LONG,
        Expression::Math {
            fun: Abs | Min | Max | Clamp | Saturate | Sign | Ceil | Floor | Round | Trunc | Fma,
            ..
        } => 1,
        Expression::Math { .. } => LONG,
        Expression::Unary { .. }
        | Expression::Binary { .. }
        | Expression::Select { .. }
        | Expression::Relational { .. }
        | Expression::As { .. } => 1,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(step: &str, end: &str) -> bool {
        is_brief(&format!(
            "fn twice(v: f32) -> f32 {{ return v * v; }}
             fn accumulate(acc: f32, q: f32, x: f32) -> f32 {{ {step} }}
             fn finish(acc: f32, d: u32) -> f32 {{ {end} }}"
        ))
    }

    #[test]
    fn a_few_operations_in_a_straight_line_are_brief() {
        let end = "return acc;";
        for step in [
            "return acc + abs(q - x);",
            "let z = q - x; return acc + z * z * z;",
            "var z = q - x; z *= z; return acc + twice(z);",
            "let w = abs(q) + abs(x); return acc + select(abs(q - x) / w, 0.0, w == 0.0);",
        ] {
            assert!(brief(step, end), "{step}");
        }
        assert!(brief("return acc;", "return sqrt(acc / f32(d));"));
    }

    #[test]
    fn what_is_long_or_branches_is_not() {
        let twenty = format!("return acc{};", " + x".repeat(20));
        assert!(brief(&twenty, "return acc;"));
        for step in [
            &*twenty.replace(";", " + q;"),
            "if (x > q) { return acc; } return acc + x;",
            "var a = acc; for (var i = 0; i < 3; i++) { a += x; } return a;",
            "return acc + exp(x) + exp(q) + exp(x - q);",
            "var w = array(1.0, 2.0); return acc + x * w[u32(q)];",
            "return acc + twice(twice(exp(q)) / x) + exp(q);",
        ] {
            assert!(!brief(step, "return acc;"), "{step}");
        }
        assert!(!brief("return acc;", "if (acc < 0.0) { return 0.0; } return acc;"));
    }
}
