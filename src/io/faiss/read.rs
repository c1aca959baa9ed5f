//! From a file to an index, and what can be said of it without a device.

use super::found::{Found, GraphFound, ListsFound, Rescoring};
use super::layout;
use super::names;
use super::rows::FileRows;
use super::stored::{Stored, stored_dtype};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::format::RowSource;
use crate::index::{HnswInfo, Index, IndexInfo, IvfInfo, ListSizes, ListsApart, PreTransform};
use crate::index::{
    RefineInfo, RowNames, codes_of, flat_of, hnsw_of_rows, lists_of_rows, refined_by_rows,
    signs_of_rows,
};
use crate::io::reader::Reader;
use crate::quantize::{Quantizer, ScalarQuantizer, SignQuantizer};
use crate::space::check;
use std::path::Path;

/// No vector of another program's has more elements than such a file may begin to say.
const MAX_DIM: u32 = 1 << 20;

/// Whether a file begins with letters of FAISS's and a dimension.
pub(super) fn begins(path: &Path) -> Result<bool> {
    let mut file = Reader::open(path)?;
    if file.left() < 8 {
        return Ok(false);
    }
    let (fourcc, dim) = (file.fourcc()?, file.i32()?);
    Ok(names::is_index(&fourcc) && (1..=MAX_DIM as i32).contains(&dim))
}

/// An index of all that the file has, as it has it.
pub(super) fn read(gpu: &Gpu, path: &Path) -> Result<Box<dyn Index>> {
    let mut file = Reader::open(path)?;
    let mut found = layout::find(&mut file)?;
    let names = names_of(&mut file, &mut found)?;
    let lists = lists(&mut file, &found)?;
    let mut rows = FileRows::new(&mut file, &found);
    let made = match &found.graph {
        Some(graph) => {
            let mut rows = Stored::new(rows, &found);
            let of = (&graph.layers, Some(graph.ef_search));
            hnsw_of_rows(gpu, &found.metric, of, &mut rows, names).map(|it| Box::new(it) as _)
        }
        None => plain(gpu, &found, lists.as_ref(), &mut rows, names),
    };
    let made = made.map_err(|e| refused(&file, &found, e))?;
    let made: Box<dyn Index> = match found.transforms.is_empty() {
        true => made,
        false => Box::new(PreTransform::new(gpu, std::mem::take(&mut found.transforms), made)?),
    };
    let Some(refine) = found.refine.take() else { return Ok(made) };
    let Rescoring { mut rows, k_factor } = *refine;
    let names = names_of(&mut file, &mut rows)?;
    let mut source = FileRows::new(&mut file, &rows);
    let by = (&rows.metric, rows.codes.as_ref(), k_factor);
    let made = refined_by_rows(gpu, &*made, by, &mut source, names);
    Ok(Box::new(made.map_err(|e| refused(&file, &rows, e))?))
}

/// An index without a graph.
fn plain(
    gpu: &Gpu,
    found: &Found,
    lists: Option<&ListsApart>,
    rows: &mut FileRows<'_>,
    names: RowNames,
) -> Result<Box<dyn Index>> {
    match (lists, &found.codes) {
        (None, None) => match &found.signs {
            Some(signs) => signs_of_rows(gpu, signs, rows, names),
            None => flat_of(gpu, &found.metric, rows, names),
        },
        (None, Some(of)) => codes_of(gpu, &found.metric, of, rows, names),
        (Some(lists), _) => lists_of_rows(gpu, (&found.metric, found.dim), lists, rows, names),
    }
}

/// The error of a row, at its place in the file.
fn refused(file: &Reader, found: &Found, error: Error) -> Error {
    match error {
        Error::NonFinite { row, .. } | Error::InvalidValue { row, .. } => {
            file.refused(found.place(row), error)
        }
        other => file.refused(0, other),
    }
}

/// The ids of the rows, which are taken out of what was found; each may be there once.
fn names_of(file: &mut Reader, found: &mut Found) -> Result<RowNames> {
    let next_id = found.next_id();
    let Some(ids) = found.ids.take() else { return Ok(RowNames::numbers(found.rows)) };
    let id = match RowNames::listed(ids, next_id) {
        Ok(names) => return Ok(names),
        Err(id) => id,
    };
    file.go_to(0)?;
    let ids = layout::find(file)?.ids.unwrap_or_default();
    let row = ids.iter().rposition(|&its| its == id).unwrap_or(0) as u64;
    let times = ids.iter().filter(|&&its| its == id).count();
    let reason = format!(
        "the id {id} is there {times} times, last of row {row}, which FAISS allows and an index here does not"
    );
    Err(file.fault(found.place(row), reason))
}

/// The lists, with the elements of their centroids.
fn lists(file: &mut Reader, found: &Found) -> Result<Option<ListsApart>> {
    let Some(lists) = &found.lists else { return Ok(None) };
    let (mut centroids, mut bit_centroids) = (None, None);
    match lists.centroids {
        None => {}
        Some(at) if found.dtype == DType::Bits => {
            file.go_to(at)?;
            let mut bytes = vec![0; (lists.nlist * found.row_bytes) as usize];
            file.fill(&mut bytes)?;
            bit_centroids = Some(bytes);
        }
        Some(at) => {
            file.go_to(at)?;
            let numbers = file.f32s(lists.nlist * found.dim as u64)?;
            check::rows(&found.metric, Rows::F32(&numbers), found.dim, 0)
                .map_err(|e| file.fault(at, format!("centroids: {e}")))?;
            centroids = Some(numbers);
        }
    }
    let mut labels = Vec::with_capacity(found.rows as usize);
    for stretch in &found.stretches {
        labels.resize(labels.len() + stretch.rows as usize, stretch.list);
    }
    Ok(Some(ListsApart {
        nlist: lists.nlist as usize,
        nprobe: lists.nprobe as usize,
        centroids,
        bit_centroids,
        labels,
        codes: lists.codes.clone(),
    }))
}

/// What the file says of itself.
pub(super) fn info(path: &Path) -> Result<IndexInfo> {
    let mut file = Reader::open(path)?;
    let found = layout::find(&mut file)?;
    Ok(told(&file, &found))
}

fn scalar(lists: &ListsFound) -> Option<&ScalarQuantizer> {
    lists.codes.as_ref().and_then(|(of, _)| of.scalar())
}

fn told(file: &Reader, found: &Found) -> IndexInfo {
    let ivf = found.lists.as_ref().map(|lists| IvfInfo {
        nlist: lists.nlist,
        nprobe: lists.nprobe,
        // as many as there are centroids in the file
        sizes: lists.centroids.map(|_| {
            let mut sizes = vec![0; lists.nlist as usize];
            for stretch in &found.stretches {
                sizes[stretch.list as usize] = stretch.rows;
            }
            ListSizes::of(&sizes)
        }),
        quantizer: scalar(lists).map(ScalarQuantizer::kind),
        codes: lists.codes.as_ref().map_or("Flat".into(), |(of, _)| of.name()),
        residual: lists.codes.as_ref().is_some_and(|(_, residual)| *residual),
        originals: false,
    });
    let in_lists = found.lists.as_ref().map(|lists| lists.codes.as_ref().map(|(of, _)| of));
    let stage = match (in_lists, &found.codes) {
        _ if !found.transforms.is_empty() => "PreTransform",
        _ if found.signs.is_some() => "Lsh",
        _ if found.graph.is_some() => "Hnsw",
        (None, Some(Quantizer::Scalar(_))) => "Sq",
        (None, Some(Quantizer::Product(_))) => "Pq",
        (None, Some(Quantizer::RaBitQ(_))) => "RaBitQ",
        (None, None) if found.dtype == DType::Bits => "BinaryFlat",
        (None, None) => "Flat",
        (Some(None), _) if found.dtype == DType::Bits => "BinaryIvf",
        (Some(None), _) => "IvfFlat",
        (Some(Some(Quantizer::Scalar(_))), _) => "IvfSq",
        (Some(Some(Quantizer::Product(_))), _) => "IvfPq",
        (Some(Some(Quantizer::RaBitQ(_))), _) => "IvfRaBitQ",
    };
    let codes = in_lists.flatten().or(found.codes.as_ref()).map(Quantizer::name);
    let codes = codes.filter(|_| found.graph.is_none());
    let codes = codes.or(found.signs.as_ref().map(SignQuantizer::name));
    let refine = found.refine.as_ref().map(|refine| RefineInfo {
        base: stage.to_owned(),
        rows: match &refine.rows.codes {
            None => "Flat",
            Some(Quantizer::Product(_)) => "Pq",
            Some(_) => "Sq",
        }
        .to_owned(),
        k_factor: refine.k_factor,
    });
    let of = |graph: &GraphFound| HnswInfo::of(&graph.layers, Some(graph.ef_search as u64));
    let hnsw = found.graph.as_deref().map(of);
    let kind = if refine.is_some() { "Refine" } else { stage };
    IndexInfo {
        kind: kind.to_owned(),
        // codes and signs are of f32
        dtype: match found.dtype {
            DType::Bits if found.signs.is_none() => DType::Bits,
            _ if found.graph.is_some() => stored_dtype(found),
            _ => DType::F32,
        },
        dim: found.dim_in(),
        metric: found.refine.as_ref().map_or(&found.metric, |refine| &refine.rows.metric).clone(),
        rows: found.rows,
        next_id: found.next_id(),
        codes,
        ivf,
        hnsw,
        transforms: found.transforms.iter().map(ToString::to_string).collect(),
        refine,
        bytes: file.length(),
        version: 0,
    }
}

/// Reads all of a file and checks what can be without a device; `progress` is told bytes read and bytes in all.
pub(super) fn verify(
    path: &Path,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<IndexInfo> {
    let mut file = Reader::open(path)?;
    let mut found = layout::find(&mut file)?;
    let info = told(&file, &found);
    names_of(&mut file, &mut found)?;
    lists(&mut file, &found)?;
    let read = check_rows(&mut file, &found, 0, progress)?;
    if let Some(refine) = &found.refine {
        check_rows(&mut file, &refine.rows, read, progress)?;
    }
    Ok(info)
}

/// Reads the rows of an index, when so many bytes of others were read, and says how many there are then.
fn check_rows(
    file: &mut Reader,
    found: &Found,
    before: u64,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<u64> {
    let bytes = file.length();
    let (mut rows, mut done) = (FileRows::new(file, found), 0);
    let checked = loop {
        match rows.next_rows(usize::MAX) {
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Some(block)) => {
                let count = block.bytes().len() as u64 / found.row_bytes;
                if found.dtype != DType::U8
                    && let Err(error) = check::rows(&found.metric, block, found.row_dim(), done)
                {
                    break Err(error);
                }
                done += count;
                progress(before + done * found.row_bytes, bytes)?;
            }
        }
    };
    checked.map_err(|e| refused(file, found, e))?;
    Ok(before + done * found.row_bytes)
}
