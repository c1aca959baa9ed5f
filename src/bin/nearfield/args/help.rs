//! What stands below the options of each command: lines to begin with, and what the exit status says.

macro_rules! below {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nExit status:\n  \
             0              done; also where whoever reads stdout has enough, as `| head` has\n  \
             1              the work failed, or stdout could not be written; outputs that are in place by then are named\n  \
             2              the arguments are wrong, by themselves or for these files\n  \
             129, 130, 143  after SIGHUP, SIGINT and SIGTERM, which leave no file behind"
        )
    };
}

pub const PROGRAM: &str = below!(
    "Examples:\n  \
     nearfield devices\n  \
     nearfield search --base base.npy --query query.npy -k 10\n  \
     nearfield build --base base.npy --out base.nf\n  \
     nearfield search --load base.nf --query query.npy -k 10 --out hits\n\n\
     Environment:\n  \
     NEARFIELD_ADAPTER        as --adapter, which comes before it\n  \
     NEARFIELD_BACKEND        vulkan, metal or dx12: look for adapters there alone\n  \
     NEARFIELD_PROFILE        a device profile that `nearfield tune` wrote: kernel shapes for this adapter\n  \
     NEARFIELD_MEMORY_BUDGET  as --memory-budget, which comes before it\n  \
     NEARFIELD_CACHE_DIR      where compiled pipelines are kept\n  \
     RUST_LOG                 nearfield=info tells of the adapter, nearfield=debug of the plan and each kernel, too\n\n\
     Without XDG_RUNTIME_DIR Mesa's drivers print a line on stderr that says so. It is theirs, and harmless.\n\n\
     What a killed run left, .nearfield-*.tmp, may be deleted."
);

pub const DEVICES: &str = below!(
    "Examples:\n  \
     nearfield devices\n  \
     nearfield devices --json --adapter llvmpipe"
);

pub const SEARCH: &str = below!(
    "Hits on stdout:\n  \
     Without --out, a line a hit: query, rank, id and distance, with tabs between them and no line above. Queries are counted \
     from 0 as rows are, ranks from 1, the nearest, in each query anew (FAISS has no rank: it is the column of its arrays, plus 1). \
     A query with fewer hits has fewer lines. Distances are the shortest numbers that f32 reads back as the same; where one is \
     infinite, tsv has inf or -inf, JSON the text \"inf\" or \"-inf\". Each block of queries is printed when it is done: an \
     error later leaves the lines before it, and of --format json an array without its end.\n\n\
     Examples:\n  \
     nearfield search --base base.npy --query query.fvecs -k 10\n  \
     nearfield search --base base.npy --query query.npy -k 3 --labels names.txt --format jsonl\n  \
     nearfield search --base base.fbin --query query.fbin -k 100 --metric cosine --out hits\n  \
     nearfield search --load base.nf --query query.npy -k 10 --param certify=0\n  \
     nearfield search --load lists.nf --query query.npy -k 10 --param nprobe=32"
);

pub const RANGE: &str = below!(
    "Hits on stdout:\n  \
     Without --out, a line a hit, as `nearfield search --help` has it: query, rank, id and distance, the nearest first.\n\n\
     Examples:\n  \
     nearfield range --base base.npy --query query.npy --radius 0.5 --metric cosine\n  \
     nearfield range --base base.npy --query query.npy --radius 100 --format json\n  \
     nearfield range --load base.nf --query query.npy --radius inf --out all"
);

pub const BUILD: &str = below!(
    "Examples:\n  \
     nearfield build --base base.npy --out base.nf\n  \
     nearfield build --base base.fvecs --index Flat --metric cosine --dtype f16 --out base.nf\n  \
     nearfield build --base base.fbin --index IVF4096,Flat --train sample.fbin --out lists.nf\n  \
     nearfield build --base base.fbin --index IVF4096,SQ8 --originals device --out lists.nf\n  \
     nearfield build --base base.fbin --index IVF4096,SQ8 --originals host --out lists.nf\n  \
     nearfield build --base codes.npy --dtype bits --metric hamming --ids ids.npy --out codes.nf"
);

pub const KMEANS: &str = below!(
    "Examples:\n  \
     nearfield kmeans --base base.npy -k 1024 --out centroids.npy\n  \
     nearfield kmeans --base base.fbin -k 100 --metric cosine --init kmeans++ --out c.npy --labels labels.npy\n  \
     nearfield kmeans --base base.npy -k 4096 --niter 10 --train-rows 500000 --balance --out c.fvecs --json"
);

pub const KNN_GRAPH: &str = below!(
    "A row is left out of its own neighbours by its number: rows that are equal are neighbours of each other. Places without a neighbour, where a \
     row has fewer than K, have the id -1 and the distance 3.4028235e38, of similarities -3.4028235e38.\n\n\
     Examples:\n  \
     nearfield knn-graph --base base.npy -k 15 --out-ids ids.npy --out-distances dist.npy\n  \
     nearfield knn-graph --base base.fbin -k 32 --metric cosine --out-ids ids.ivecs --out-distances dist.fvecs\n  \
     nearfield knn-graph --base base.npy -k 32 --nlist 4096 --nprobe 32 --out-ids ids.npy --out-distances dist.npy --json"
);

pub const CURVE: &str = below!(
    "Recall is the share of the k nearest rows that is found, by the index's own exact answers, of codes those of the decoded rows; rates are those of all queries in one call. Searches of a graph go along its edges, however few its rows.\n\n\
     Examples:\n  \
     nearfield curve --load lists.nf --query query.npy\n  \
     nearfield curve --load lists.nf --query query.fvecs -k 100 --recall 0.99 --svg curve.svg\n  \
     nearfield curve --load graph.nf --query query.npy --recall 0.98           # which ef\n  \
     nearfield curve --load lists.nf --query query.npy --json"
);

pub const INFO: &str = below!(
    "Examples:\n  \
     nearfield info base.nf\n  \
     nearfield info base.nf --verify --json\n  \
     nearfield info queries.fvecs"
);

pub const CONVERT: &str = below!(
    "Examples:\n  \
     nearfield convert base.fvecs base.npy\n  \
     nearfield convert base.npy base.i8bin --scale auto --dtype i8\n  \
     nearfield convert lists.faiss lists.nf"
);

pub const BENCH: &str = below!(
    "Examples:\n  \
     nearfield bench\n  \
     nearfield bench --suite metrics --only \"f32 l1\" --csv l1.csv\n  \
     nearfield bench --suite batch --only \"768 f32 l2\" --json b.json --svg charts"
);

pub const TUNE: &str = below!(
    "Examples:\n  \
     nearfield tune --quick\n  \
     nearfield tune --kernel scan,select --dim 96,768 --out mine.toml\n  \
     NEARFIELD_PROFILE=mine.toml nearfield search --base base.npy --query query.npy -k 10\n\n\
     The profile is used where NEARFIELD_PROFILE names it, or GpuBuilder::profile of the library; answers stay the same."
);

pub const COMPLETIONS: &str = below!(
    "Examples:\n  \
     nearfield completions bash > ~/.local/share/bash-completion/completions/nearfield\n  \
     nearfield completions zsh > ~/.zfunc/_nearfield    (with fpath+=~/.zfunc before compinit)\n  \
     nearfield completions fish > ~/.config/fish/completions/nearfield.fish"
);
