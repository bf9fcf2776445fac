//! All limits of the files that authors write, each with its reason.

/// The largest definition file, in bytes. A thousand stages with long texts fit. Parsing takes
/// milliseconds.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The deepest nesting of a definition file: forty buttons, far more than people can read.
pub const FILE_DEPTH_MAX: usize = 128;
/// The largest number of keys, values, lists and mappings: sixty for each of a thousand stages.
/// Reading takes less than 50 ms.
pub const FILE_NODES_MAX: usize = 60_000;
/// The largest number of commas, colons, brackets, similar signs and quoted scalars. Inside
/// brackets the parser keeps all of them until the last bracket closes, before any count is
/// possible: 120,000 took 83 MiB and a quarter of a second. A file with the largest number of keys
/// and values has fewer.
pub const FILE_SIGNS_MAX: usize = 70_000;
