//! What a kernel multiplies, open to every engine: how rows are loaded, and how the positions of a scan find them.

use super::encoder::Bind;
use super::shader::{Shader, shader};
use super::variant::Variant;
use crate::buffer::Buffer;
use crate::dtype::DType;
use minijinja::Value;

/// Loads the rows of one side of a product. An engine that stores rows in a way of its own makes one of these; `shaders/lib/load/operand.wgsl`
/// says what its include has to define.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    /// Spelled in the names of variants: operands of one name are the same.
    pub name: &'static str,
    /// Declares the bindings and defines the loading.
    pub include: Shader,
    /// The names of its bindings beside `rows`.
    pub bindings: &'static [&'static str],
    /// What the include needs to know.
    pub constants: Vec<(&'static str, Value)>,
    /// Whether zeros follow the rows up to whole tiles, and the elements of a row up to whole slabs, so that nothing is checked.
    pub padded: bool,
}

/// Elements of one type, or of one that the host makes of them.
const STORED: Shader = shader!("lib/load", "operand");

impl Operand {
    /// Rows as they are stored.
    pub fn stored(dtype: DType) -> Operand {
        Operand::elements(dtype.name(), dtype.name(), false)
    }

    /// Groups of four elements that `lib/load/element.wgsl` calls `elements`.
    pub fn elements(name: &'static str, elements: &'static str, padded: bool) -> Operand {
        let constants = vec![("dtype", Value::from(elements))];
        Operand { name, include: STORED, bindings: &[], constants, padded }
    }

    /// Its buffers for a dispatch: the rows, and those of the other bindings in their order.
    pub fn bind<'a>(&self, rows: &'a Buffer, others: &[&'a Buffer]) -> Vec<Bind<'a>> {
        let others = self.bindings.iter().copied().zip(others.iter().copied());
        std::iter::once(("rows", rows)).chain(others).collect()
    }
}

/// How the positions that a scan goes through find their rows, and by which numbers these are reported: the include that defines
/// `row(i)` and `order(i)` (`shaders/lib/rows/`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowMap {
    /// Whether positions are anything but the rows themselves, one after the other.
    pub table: bool,
    include: Shader,
}

impl RowMap {
    /// Position i is row i.
    pub const IDENTITY: RowMap = RowMap { table: false, include: shader!("lib/rows", "identity") };
    /// Positions are listed in `row_table`, their numbers in `order_table`.
    pub const TABLE: RowMap = RowMap { table: true, include: shader!("lib/rows", "table") };
}

impl Variant {
    /// What the kernel multiplies: its template includes `operand`.
    pub fn operand(self, operand: &Operand) -> Variant {
        let named = self.word("operand_name", operand.name).part("operand", operand.include);
        let looked_up = operand.bindings.contains(&"tables");
        let padded = named.implied("padded", operand.padded).implied("looked_up", looked_up);
        let constants = operand.constants.iter().cloned();
        constants.fold(padded, |variant, (key, value)| variant.implied(key, value))
    }

    /// How the kernel finds rows: its template includes `row_map`.
    pub fn row_map(self, map: RowMap) -> Variant {
        self.flag("table", map.table).part("row_map", map.include)
    }
}
