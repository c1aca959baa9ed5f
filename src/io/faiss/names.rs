//! FAISS's four letters for each kind of index, and what they stand for.

/// What can be read, for messages.
pub(super) const KNOWN: &str = "IxF2, IxFI, IxFl, IxSQ, IxPq, IxPo, IxPQ, IPfs, IwFl, IvFl, IvFL, IwSq, IwSQ, IvSQ, IwPQ, IvPQ, IwPf, Ixrq, Ixrr, Iwrq, Iwrr, IxHe, IxHE, IHNf, IHNs, IHNp, IHc2, IxPT, IxRF, IxMp, IxM2, IBxF, IBwF, IBMp and IBM2";

/// Kinds that are not read, as the rest of "it is ...".
const OTHERS: &[(&str, &str)] = &[
    ("null", "no index at all"),
    ("IwQR IvQR", "lists of product-quantizer codes that are refined (IndexIVFPQR)"),
    ("Irfn Irfs", "a RaBitQ index for fast scans (IndexRaBitQFastScan)"),
    ("Iwrn Iwrf", "lists of RaBitQ codes for fast scans (IndexIVFRaBitQFastScan)"),
    ("IHN2", "an HNSW graph between codes of two levels (IndexHNSW2Level)"),
    ("IHfP", "an HNSW graph between rows cut into levels (IndexHNSWFlatPanorama)"),
    ("IHNc", "an HNSW graph of CAGRA's as FAISS wrote it before 1.12 (IndexHNSWCagra)"),
    ("IH00", "an HNSW graph of no kind (IndexHNSW)"),
    ("INSf INSp INSs", "an NSG graph (IndexNSG)"),
    ("INNf", "a graph of NNDescent (IndexNNDescent)"),
    ("IxRQ IxRq", "a residual quantizer (IndexResidualQuantizer)"),
    ("IxLS", "a local-search quantizer (IndexLocalSearchQuantizer)"),
    ("IxPR IxPL", "a product of additive quantizers"),
    ("ILfs IRfs IPRf IPLf IVLf IVRf NPLf NPRf", "an additive quantizer for fast scans"),
    ("IwLS IwRQ IwPL IwPR", "lists of codes of an additive quantizer"),
    ("ImRQ Imiq", "a quantizer of many coarse cells (MultiIndexQuantizer)"),
    ("IxLa", "a lattice (IndexLattice)"),
    ("IwSh", "lists of spectral hashes (IndexIVFSpectralHash)"),
    ("IwFd", "lists without duplicates (IndexIVFFlatDedup)"),
    ("IwIQ", "lists with a quantizer of their own (IndexIVFIndependentQuantizer)"),
    ("Ix2L", "codes of two levels (Index2Layer)"),
    ("IRMf IRMh", "rows scaled one by one (IndexRowwiseMinMax)"),
    ("IBFf", "a binary index over one of floats (IndexBinaryFromFloat)"),
    ("IBHf", "a binary HNSW graph (IndexBinaryHNSW)"),
    ("IBHh IBHm", "a binary hash (IndexBinaryHash)"),
];

/// Whether four letters are among those that are read.
pub(super) fn is_known(fourcc: &[u8]) -> bool {
    let names = KNOWN.split([' ', ',']).filter(|name| name.len() == 4);
    names.into_iter().any(|name| name.as_bytes() == fourcc)
}

/// Whether four letters stand for an index that FAISS writes, one that is read or not.
pub(super) fn is_index(fourcc: &[u8]) -> bool {
    is_known(fourcc) || other(fourcc).is_some()
}

fn other(fourcc: &[u8]) -> Option<&'static str> {
    let found = OTHERS.iter().find(|(names, _)| names.split(' ').any(|n| n.as_bytes() == fourcc));
    found.map(|(_, what)| *what)
}

/// Says of four letters that are not read what they are.
pub(super) fn unread(fourcc: [u8; 4]) -> String {
    let name = fourcc.escape_ascii();
    if is_known(&fourcc) {
        return format!("{name} is read where it stands alone, and not here");
    }
    match other(&fourcc) {
        Some(what) => format!("{name} is {what}, which is not read; what is: {KNOWN}"),
        None => format!("{name} is no kind of index that is known; those that are read: {KNOWN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once_and_is_of_four_letters() {
        let mut names: Vec<&str> = OTHERS.iter().flat_map(|(names, _)| names.split(' ')).collect();
        names.extend(KNOWN.split([' ', ',']).filter(|name| name.len() == 4));
        let all = names.len();
        assert!(names.iter().all(|name| name.len() == 4 && is_index(name.as_bytes())));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(is_known(b"IxF2") && !is_known(b"INSf") && !is_index(b"abcd"));
        assert!(unread(*b"INSf").contains("NSG") && unread(*b"abcd").contains("abcd"));
    }
}
