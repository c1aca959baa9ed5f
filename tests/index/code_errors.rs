//! What indexes of codes say to who sees an error of theirs first: who refuses what, and what to do instead.

use crate::support::gpu;
use nearfield::{
    DType, Flat, Index, IvfPq, IvfRaBitQ, IvfSq, Lsh, Metric, Originals, Pq, RaBitQ, Refine, Rows,
    Sq, SqType, index_factory,
};

const DIM: usize = 8;

fn says(error: impl std::fmt::Display, parts: &[&str]) {
    let said = error.to_string();
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[test]
fn training_says_how_many_rows_it_wants() {
    let gpu = gpu();
    let rows = vec![0.5; 15 * DIM];
    let pq = Pq::new(&gpu, DIM, Metric::L2, 4, 4).unwrap();
    let lists = IvfPq::new(&gpu, DIM, Metric::L2, 2, 4, 4).unwrap();
    for (index, count) in [(&pq as &dyn Index, 0), (&pq, 15), (&lists, 15)] {
        let error = index.train(Rows::F32(&rows[..count * DIM])).unwrap_err();
        says(error, &[&format!("{count} rows"), "16 centroids", "16 rows are the least"]);
    }
    let error = lists.train(Rows::F32(&[])).unwrap_err();
    says(error, &["0 rows are too few for 2 lists"]);
}

#[test]
fn rows_that_are_codes_stay_what_they_are_and_the_way_out_is_said() {
    let gpu = gpu();
    let rows: Vec<f32> = (0..64 * DIM).map(|i| (i * 7 % 31) as f32).collect();
    let filled = |index: Box<dyn Index>| {
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        index
    };
    let sq = || IvfSq::new(&gpu, DIM, Metric::L2, 2, SqType::Bits8).unwrap();
    let made: [(Box<dyn Index>, &[&str]); 5] = [
        (Box::new(sq()), &["IVF2,SQ8", "with_originals"]),
        (Box::new(IvfPq::new(&gpu, DIM, Metric::L2, 2, 4, 4).unwrap()), &["IVF2,PQ4x4"]),
        (Box::new(Pq::new(&gpu, DIM, Metric::L2, 4, 4).unwrap()), &["PQ4x4"]),
        (Box::new(Sq::new(&gpu, DIM, Metric::L2, SqType::Bits8).unwrap()), &["SQ8"]),
        (Box::new(Lsh::new(&gpu, DIM, DIM, false, true).unwrap()), &["LSH8t"]),
    ];
    for (index, parts) in made {
        let index = filled(index);
        let error = index.train(Rows::F32(&rows)).unwrap_err();
        says(&error, parts);
        says(&error, &["does not support being trained while it has rows", "remove all rows"]);
        index.remove(&index.ids()).unwrap();
        index.train(Rows::F32(&rows)).unwrap();
    }
    let index = sq();
    index.train(Rows::F32(&rows)).unwrap();
    index.add(&rows).unwrap();
    let error = index.with_originals(Originals::Device).unwrap_err();
    says(error, &["IVF2,SQ8", "before rows are added"]);
}

#[test]
fn metrics_and_stages_that_there_are_not_are_said_with_those_that_there_are() {
    let gpu = gpu();
    for error in [
        RaBitQ::new(&gpu, DIM, Metric::Cosine, 1).err().unwrap(),
        IvfRaBitQ::new(&gpu, DIM, Metric::Cosine, 2, 4).err().unwrap(),
        index_factory(&gpu, DIM, "RR,RaBitQ", Metric::Cosine, DType::F32).err().unwrap(),
    ] {
        let root = Metric::SqrtL2.to_string();
        says(error, &["RaBitQ does not support cosine", "l2, ", &root, "ip", "L2norm"]);
    }
    let flat = |metric| Box::new(Flat::new(&gpu, DIM, metric).unwrap());
    let twice = Refine::new(flat(Metric::L2), flat(Metric::L2)).unwrap();
    let error = Refine::new(Box::new(twice), flat(Metric::L2)).err().unwrap();
    says(error, &["any other index", "IVF1024,PQ16,RFlat"]);
    let error = Refine::new(flat(Metric::L2), flat(Metric::Cosine)).err().unwrap();
    says(error, &["l2", "cosine", "one metric", "signs"]);
    let lists = IvfSq::new(&gpu, DIM, Metric::L2, 2, SqType::Bits8).unwrap();
    let error = Refine::new(flat(Metric::L2), Box::new(lists)).err().unwrap();
    says(error, &["IVF2,SQ8", "Flat, Sq and Pq", "any other index may find them"]);
}
