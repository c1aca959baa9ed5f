//! The kinds of index that stand alone, by their names in files: in a file of their own, or within that of another, behind its sections.

use super::changing::Index;
use super::flat::{BinaryFlat, Flat, Pq, RaBitQ, Sq};
use super::graph::{Graph, Hnsw};
use super::ivf::{BinaryIvf, IvfFlat, IvfPq, IvfRaBitQ, IvfSq};
use super::lsh::Lsh;
use super::persist::{FileWriter, IndexReader};
use super::state::{Backed, Names};
use crate::device::Gpu;
use crate::error::{Error, Result};
use std::any::Any;

/// A kind of index.
struct Kind {
    name: &'static str,
    /// Writes the sections of one state of it, if it is of this kind.
    write: fn(&dyn Any, &mut FileWriter) -> Option<Result<()>>,
    read: fn(&Gpu, &mut IndexReader) -> Result<Box<dyn Index>>,
    /// Which row has which id in one state of it, if it is of this kind.
    names: fn(&dyn Any) -> Option<Names>,
}

const KINDS: [Kind; 13] = [
    kind::<Flat>(|gpu, reader| Ok(Box::new(Flat::of_reader(gpu, reader)?))),
    kind::<BinaryFlat>(|gpu, reader| Ok(Box::new(BinaryFlat::of_reader(gpu, reader)?))),
    kind::<Sq>(|gpu, reader| Ok(Box::new(Sq::of_reader(gpu, reader)?))),
    kind::<Pq>(|gpu, reader| Ok(Box::new(Pq::of_reader(gpu, reader)?))),
    kind::<IvfFlat>(|gpu, reader| Ok(Box::new(IvfFlat::of_reader(gpu, reader)?))),
    kind::<Graph>(|gpu, reader| Ok(Box::new(Graph::of_reader(gpu, reader)?))),
    kind::<Hnsw>(|gpu, reader| Ok(Box::new(Hnsw::of_reader(gpu, reader)?))),
    kind::<BinaryIvf>(|gpu, reader| Ok(Box::new(BinaryIvf::of_reader(gpu, reader)?))),
    kind::<IvfSq>(|gpu, reader| Ok(Box::new(IvfSq::of_reader(gpu, reader)?))),
    kind::<IvfPq>(|gpu, reader| Ok(Box::new(IvfPq::of_reader(gpu, reader)?))),
    kind::<RaBitQ>(|gpu, reader| Ok(Box::new(RaBitQ::of_reader(gpu, reader)?))),
    kind::<IvfRaBitQ>(|gpu, reader| Ok(Box::new(IvfRaBitQ::of_reader(gpu, reader)?))),
    kind::<Lsh>(|gpu, reader| Ok(Box::new(Lsh::of_reader(gpu, reader)?))),
];

const fn kind<T: Backed>(read: fn(&Gpu, &mut IndexReader) -> Result<Box<dyn Index>>) -> Kind {
    Kind { name: T::KIND, write: write_of::<T>, read, names: names_of::<T> }
}

fn write_of<T: Backed>(any: &dyn Any, file: &mut FileWriter) -> Option<Result<()>> {
    any.downcast_ref::<T>().map(|index| index.core().write_to(T::KIND, file))
}

fn names_of<T: Backed>(any: &dyn Any) -> Option<Names> {
    any.downcast_ref::<T>().map(|index| index.core().snapshot().names())
}

/// Which row has which id in one state of an index, if it is of a kind of this crate.
pub(super) fn names(index: &dyn Index) -> Option<Names> {
    let any = index.as_any()?;
    KINDS.iter().find_map(|kind| (kind.names)(any))
}

/// Writes the sections of one state of an index that is of a kind of this crate.
pub(super) fn write(index: &dyn Index, file: &mut FileWriter) -> Result<()> {
    let any = index.as_any();
    let written = any.and_then(|any| KINDS.iter().find_map(|kind| (kind.write)(any, file)));
    written.unwrap_or_else(|| {
        let item = format!("{} within another index", index.description());
        Err(Error::unsupported("a file of an index", item))
    })
}

/// Reads them.
pub(super) fn read(gpu: &Gpu, reader: &mut IndexReader) -> Result<Box<dyn Index>> {
    match KINDS.iter().find(|kind| kind.name == reader.kind()) {
        Some(kind) => (kind.read)(gpu, reader),
        None => Err(reader.unknown_kind()),
    }
}
