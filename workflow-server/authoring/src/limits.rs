//! Every limit of a file that authors write, in one place, each with its reason.

/// Bytes of a definition file: a thousand stages with long texts fit; parsing stays within
/// milliseconds.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Nesting of a definition file: forty buttons deep, far beyond what people can read.
pub const FILE_DEPTH_MAX: usize = 128;
/// Keys, values, lists and mappings of a definition file: sixty for each of a thousand stages; read
/// within 50 ms.
pub const FILE_NODES_MAX: usize = 60_000;
/// Commas, colons, brackets and the like in a file, and scalars in quotes. Within brackets the
/// parser keeps all of them until the last one is closed, before anything can be counted: 120,000
/// took 83 MiB and a quarter of a second. A file with as many keys and values as are allowed has
/// fewer.
pub const FILE_SIGNS_MAX: usize = 70_000;
