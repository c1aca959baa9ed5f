//! Inverted lists in a file: their header, their quantizers, and where the rows of each are.

use super::fast_scan::Blocks;
use super::flat::flat;
use super::found::{Found, ListsFound, Stretch};
use super::header::Header;
use super::names;
use super::quantizer;
use super::rabitq;
use crate::dtype::DType;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
use crate::quantize::Quantizer;

/// An index of lists, of one of the kinds that there are, whose four letters were read.
pub(super) fn find(file: &mut Reader, fourcc: [u8; 4]) -> Result<Found> {
    let header = Header::read(file)?;
    let (nlist, nprobe, centroids) = head(file, &header)?;
    let old = fourcc[1] == b'v';
    let mut ids = Vec::new();
    let mut sizes = Vec::new();
    if old {
        for list in 0..nlist as u32 {
            let rows = file.count(8)?;
            file.ids(rows, &mut ids)?;
            if rows > 0 {
                sizes.push((list, rows));
            }
        }
    }
    direct_map(file)?;
    let mut blocks = None;
    let codes = match &fourcc {
        b"IwSq" => Some(scalar(file, &header, false)?),
        b"IwSQ" | b"IvSQ" => Some(scalar(file, &header, true)?),
        b"IwPQ" | b"IvPQ" => Some(product(file, &header)?),
        b"IwPf" => {
            let (of, its) = fast(file, &header)?;
            blocks = Some(its);
            Some(of)
        }
        b"Iwrq" | b"Iwrr" => Some(rabitq(file, &header, fourcc == *b"Iwrr")?),
        _ => None,
    };
    let row_bytes = match &codes {
        Some((quantizer, _)) => quantizer.foreign_bytes() as u64,
        None => 4 * header.dim as u64,
    };
    let at = file.at();
    let stretches = match (old, blocks) {
        (true, _) => old_codes(file, nlist, &sizes, (row_bytes, fourcc == *b"IvFl"))?,
        (_, None) => arrays(file, nlist, row_bytes, &mut ids)?,
        (_, Some(blocks)) => in_blocks(file, nlist, blocks, &mut ids)?,
    };
    let rows = ids.len() as u64;
    if rows > header.rows || (rows > 0 && centroids.is_none()) {
        let (counted, trained) = (header.rows, header.is_trained);
        let reason = format!("{rows} rows in lists, {counted} by the header, trained: {trained}");
        return Err(file.fault(at, reason));
    }
    Ok(Found {
        metric: header.metric,
        dtype: if codes.is_some() { DType::U8 } else { DType::F32 },
        dim: header.dim,
        row_bytes,
        blocks,
        stretches,
        rows,
        counted: header.rows,
        ids: Some(ids),
        codes: None,
        graph: None,
        lists: Some(ListsFound { nlist, nprobe, centroids, codes }),
        signs: None,
        transforms: Vec::new(),
        refine: None,
    })
}

/// What is said of centroids in an index of these letters.
pub(super) fn other_centroids(fourcc: [u8; 4]) -> String {
    let what = names::unread(fourcc);
    format!(
        "the centroids, which are searched exactly here, are in another index than a flat one: {what}"
    )
}

/// Lists, lists that are looked at, and where the centroids lie, which are those of a flat index.
fn head(file: &mut Reader, header: &Header) -> Result<(u64, u64, Option<u64>)> {
    let (nlist, nprobe) = numbers(file)?;
    let at = file.at();
    let fourcc = file.fourcc()?;
    if !matches!(&fourcc, b"IxF2" | b"IxFI" | b"IxFl") {
        return Err(file.fault(at, other_centroids(fourcc)));
    }
    let centroids = flat(file)?;
    if centroids.metric != header.metric || centroids.dim != header.dim {
        let reason = format!(
            "centroids of {} under {}, rows of {} under {}: both have to be alike",
            centroids.dim, centroids.metric, header.dim, header.metric
        );
        return Err(file.fault(at, reason));
    }
    if !header.is_trained {
        return Ok((nlist, nprobe, None));
    }
    if centroids.rows != nlist {
        return Err(file.fault(at, format!("{} centroids for {nlist} lists", centroids.rows)));
    }
    Ok((nlist, nprobe, centroids.stretches.first().map(|stretch| stretch.at)))
}

/// Lists, and lists that are looked at.
pub(super) fn numbers(file: &mut Reader) -> Result<(u64, u64)> {
    let at = file.at();
    let (nlist, nprobe) = (file.u64()?, file.u64()?);
    let most = u64::from(u32::MAX);
    if nlist == 0 || nlist > most {
        return Err(file.fault(at, format!("{nlist} lists")));
    }
    if nprobe == 0 || nprobe > most {
        return Err(file.fault(at + 8, format!("{nprobe} lists to look at")));
    }
    Ok((nlist, nprobe))
}

/// Goes behind the map of ids to places in lists, for which there is no use.
pub(super) fn direct_map(file: &mut Reader) -> Result<()> {
    let at = file.at();
    let kind = file.u8()?;
    let listed = file.count(8)?;
    file.skip(8 * listed)?;
    match kind {
        0 | 1 => Ok(()),
        2 => {
            let pairs = file.count(16)?;
            file.skip(16 * pairs)
        }
        other => Err(file.fault(at, format!("{other} is no kind of direct map"))),
    }
}

/// The scalar quantizer of the rows and what stands behind it, which of old files is no word of residuals: these have them.
fn scalar(file: &mut Reader, header: &Header, old: bool) -> Result<(Quantizer, bool)> {
    let quantizer = quantizer::read(file, header.dim, header.is_trained)?;
    let at = file.at();
    let code_size = file.u64()?;
    if code_size != quantizer.code_bytes() as u64 {
        let reason = format!("codes of {code_size} bytes for {}", quantizer.kind());
        return Err(file.fault(at, reason));
    }
    let residual = old || file.flag()?;
    Ok((Quantizer::Scalar(quantizer), residual))
}

/// Whether codes are of residuals, and the product quantizer of the rows.
fn product(file: &mut Reader, header: &Header) -> Result<(Quantizer, bool)> {
    let residual = file.flag()?;
    let at = file.at();
    let code_size = file.u64()?;
    let quantizer = quantizer::read_product(file, header.dim, header.is_trained)?;
    if code_size != quantizer.code_bytes() as u64 {
        let own = quantizer.code_bytes();
        return Err(file.fault(at, format!("codes of {code_size} bytes, {own} by their parts")));
    }
    Ok((Quantizer::Product(quantizer), residual))
}

/// The same of codes of 4 bits in blocks for fast scans.
fn fast(file: &mut Reader, header: &Header) -> Result<((Quantizer, bool), Blocks)> {
    let (residual, at) = (file.flag()?, file.at());
    let (code_size, rows, parts) = (file.u64()?, file.i32()?, file.u64()?);
    let (_implem, _queries) = (file.i32()?, file.u64()?);
    let quantizer = quantizer::read_product(file, header.dim, header.is_trained)?;
    if (quantizer.bits(), code_size) != (4, quantizer.code_bytes() as u64) {
        let bits = quantizer.bits();
        let reason = format!("codes of {code_size} bytes, of parts of {bits} bits, for fast scans");
        return Err(file.fault(at, reason));
    }
    let blocks = Blocks::new(file, at, quantizer.subspaces(), (rows, parts))?;
    Ok(((Quantizer::Product(quantizer), residual), blocks))
}

/// Lists of blocks: of each its ids, then its blocks.
fn in_blocks(
    file: &mut Reader,
    nlist: u64,
    blocks: Blocks,
    ids: &mut Vec<u64>,
) -> Result<Vec<Stretch>> {
    let at = file.at();
    match &file.fourcc()? {
        b"ilbl" => {}
        b"il00" => return Ok(Vec::new()),
        other => {
            let reason = format!("{} are no lists of blocks", other.escape_ascii());
            return Err(file.fault(at, reason));
        }
    }
    let at = file.at();
    let (lists, _code_size, rows, bytes) = (file.u64()?, file.u64()?, file.u64()?, file.u64()?);
    if (lists, rows, bytes) != (nlist, blocks.rows(), blocks.bytes()) {
        let reason = format!(
            "{lists} lists of blocks of {rows} rows and {bytes} bytes, {nlist} of {} and {}",
            blocks.rows(),
            blocks.bytes()
        );
        return Err(file.fault(at, reason));
    }
    let mut stretches = Vec::new();
    for list in 0..nlist as u32 {
        let at = file.at();
        let rows = file.count(8)?;
        if ids.len() as u64 + rows > u64::from(u32::MAX) {
            return Err(file.fault(at, format!("more than {} rows in lists", u32::MAX)));
        }
        file.ids(rows, ids)?;
        let (at, bytes) = (file.at(), file.count(1)?);
        if bytes < blocks.bytes_of(rows) {
            return Err(file.fault(at, format!("{bytes} bytes of blocks for {rows} rows")));
        }
        if rows > 0 {
            stretches.push(Stretch { at: file.at(), rows, list });
        }
        file.skip(bytes)?;
    }
    Ok(stretches)
}

/// RaBitQ, of one bit or of more, which is always of residuals, whatever is said of that.
fn rabitq(file: &mut Reader, header: &Header, many: bool) -> Result<(Quantizer, bool)> {
    let quantizer = rabitq::read(file, header, many)?;
    let (_code_size, _by_residual) = (file.u64()?, file.flag()?);
    let quantizer = rabitq::with_query_bits(file, quantizer)?;
    Ok((Quantizer::RaBitQ(quantizer.of_lists()), true))
}

/// Lists of arrays: all sizes, then the codes and the ids of each list.
pub(super) fn arrays(
    file: &mut Reader,
    nlist: u64,
    row_bytes: u64,
    ids: &mut Vec<u64>,
) -> Result<Vec<Stretch>> {
    let at = file.at();
    let fourcc = file.fourcc()?;
    match &fourcc {
        b"ilar" => {}
        // without rows there is nothing that is elsewhere
        b"il00" => return Ok(Vec::new()),
        b"ilod" | b"iloa" => {
            let reason = "the lists are on disk in a file of their own (OnDiskInvertedLists): \
                faiss.ArrayInvertedLists brings them into this one";
            return Err(file.fault(at, reason));
        }
        other => {
            let reason = format!("{} are no lists that are read", other.escape_ascii());
            return Err(file.fault(at, reason));
        }
    }
    let at = file.at();
    let (lists, code_size) = (file.u64()?, file.u64()?);
    if (lists, code_size) != (nlist, row_bytes) {
        let reason = format!("{lists} lists of {code_size} bytes a row, {nlist} of {row_bytes}");
        return Err(file.fault(at, reason));
    }
    let sizes = sizes(file, nlist)?;
    let rows = total(file, at, &sizes)?;
    file.fits(at, rows, row_bytes + 8)?;
    ids.reserve_exact(rows as usize);
    let mut stretches = Vec::with_capacity(sizes.len());
    for (list, rows) in sizes {
        stretches.push(Stretch { at: file.at(), rows, list });
        file.skip(rows * row_bytes)?;
        file.ids(rows, ids)?;
    }
    Ok(stretches)
}

/// The lists that have rows, in their order, and how many they have.
fn sizes(file: &mut Reader, nlist: u64) -> Result<Vec<(u32, u64)>> {
    let at = file.at();
    match &file.fourcc()? {
        b"full" => {
            let count = file.count(8)?;
            if count != nlist {
                return Err(file.fault(at, format!("{count} sizes for {nlist} lists")));
            }
            let mut sizes = Vec::new();
            for list in 0..count as u32 {
                match file.u64()? {
                    0 => {}
                    size => sizes.push((list, size)),
                }
            }
            Ok(sizes)
        }
        b"sprs" => {
            let count = file.count(8)?;
            if !count.is_multiple_of(2) {
                return Err(file.fault(at, format!("{count} numbers for pairs of list and size")));
            }
            let mut sizes: Vec<(u32, u64)> = Vec::new();
            for _ in 0..count / 2 {
                let at = file.at();
                let (list, size) = (file.u64()?, file.u64()?);
                if list >= nlist || sizes.last().is_some_and(|last| u64::from(last.0) >= list) {
                    return Err(file.fault(at, format!("list {list} of {nlist}, out of order")));
                }
                if size > 0 {
                    sizes.push((list as u32, size));
                }
            }
            Ok(sizes)
        }
        other => {
            let reason = format!("{} says nothing of sizes of lists", other.escape_ascii());
            Err(file.fault(at, reason))
        }
    }
}

/// How many rows lists have that are described at a place.
fn total(file: &Reader, at: u64, sizes: &[(u32, u64)]) -> Result<u64> {
    let rows = sizes.iter().try_fold(0u64, |sum, (_, rows)| sum.checked_add(*rows));
    match rows {
        Some(rows) if rows <= u64::from(u32::MAX) => Ok(rows),
        _ => Err(file.fault(at, format!("more than {} rows in lists", u32::MAX))),
    }
}

/// Lists of before 2018, whose ids stood elsewhere: the codes of each, counted in bytes or, before that, in numbers.
fn old_codes(
    file: &mut Reader,
    nlist: u64,
    sizes: &[(u32, u64)],
    (row_bytes, in_numbers): (u64, bool),
) -> Result<Vec<Stretch>> {
    let at = file.at();
    total(file, at, sizes)?;
    let each = if in_numbers { 4 } else { 1 };
    let mut stretches = Vec::with_capacity(sizes.len());
    let mut left = sizes.iter();
    let mut next = left.next();
    for list in 0..nlist as u32 {
        let at = file.at();
        let count = file.count(each)?;
        let rows = match next {
            Some(&(its, rows)) if its == list => {
                next = left.next();
                rows
            }
            _ => 0,
        };
        if count * each != rows * row_bytes {
            return Err(file.fault(at, format!("{count} times {each} bytes for {rows} rows")));
        }
        if rows > 0 {
            stretches.push(Stretch { at: file.at(), rows, list });
        }
        file.skip(count * each)?;
    }
    Ok(stretches)
}
