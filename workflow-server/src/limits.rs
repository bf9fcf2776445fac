//! Every limit of this server beside those of the engine and the journal, in one place, each with
//! its reason.

use std::time::Duration;

/// Commands in one group: enough to share one sync among many, few enough that an answer does not
/// wait for a long list.
pub const GROUP_COMMANDS_MAX: usize = 128;
/// How often a process that follows looks at the log where nothing wakes it.
pub const FOLLOW_LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the lease of a leader lasts. After a crash nobody serves for this time, and each
/// renewal is a request to the store.
pub const LEASE: Duration = Duration::from_secs(3);
/// How long a crash of the leader may stop changes. Requests wait this long for an election.
pub const TAKEOVER_MAX: Duration = Duration::from_secs(5);
/// A leader stops answering this long before its lease could end: more than the clocks of two
/// machines drift apart in that time, and than an answer takes to leave.
pub const LEASE_MARGIN: Duration = Duration::from_secs(1);
/// How often a leader renews its lease: it may fail once without a pause for callers.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long a renewal may take before it is tried again.
pub const RENEW_MAX: Duration = Duration::from_secs(1);
/// How soon a failed renewal is tried again.
pub const RENEW_RETRY_EVERY: Duration = Duration::from_millis(200);
/// How often a member reports to the store and looks who leads: a planned take-over waits for this.
pub const REPORT_EVERY: Duration = Duration::from_millis(200);
/// The same at the end of a lease.
pub const REPORT_EVERY_MIN: Duration = Duration::from_millis(10);
/// How long a report may take before it is tried again. A take-over may wait for one.
pub const REPORT_MAX: Duration = Duration::from_secs(1);
/// Followers that find the end of a lease campaign within this time, not all at once.
pub const CAMPAIGN_SPREAD: Duration = Duration::from_millis(50);
/// How long a campaign may take: longer, and its lease would be nearly over. The next one follows
/// soon, because the store lets a process replace a term that it has won without knowing it.
pub const CAMPAIGN_MAX: Duration = Duration::from_secs(1);
/// Entries that a follower may lack when it campaigns: it reads them in some tenths of a second.
pub const CAMPAIGN_LAG_MAX: u64 = 20_000;
/// A member whose wall clock differs more from that of the store does not lead: timers would fire
/// at wrong times.
pub const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(30);
/// A difference above which people are warned: time services keep machines within milliseconds.
pub const CLOCK_DIFFERENCE_WARNED: Duration = Duration::from_secs(2);
/// How long no member may lead before a follower is not ready: longer than a take-over.
pub const LEADER_MISSED_AFTER: Duration = Duration::from_secs(10);
/// A member that has reported within this time is taken to be there.
pub const MEMBER_ALIVE: Duration = Duration::from_secs(3);
/// Names of members in the metrics, at most: more than any cluster has. Each name that a process has
/// ever seen keeps its gauges.
pub const MEMBERS_NAMED_MAX: usize = 64;
/// How long a leader that steps down waits for the requests in hand.
pub const DRAIN_OF_LEADER_MAX: Duration = Duration::from_millis(250);
/// How long a leader waits for the end of its ledger before its role ends all the same.
pub const LEDGER_END_MAX: Duration = Duration::from_secs(2);
/// How long the release of a lease may take with all its tries: after that, the rest of the lease
/// is short.
pub const RELEASE_MAX: Duration = Duration::from_secs(2);
/// How long one try may take: longer than a commit on a busy database, and short beside a lease.
pub const RELEASE_TRY_MAX: Duration = Duration::from_millis(600);
/// How soon it is tried again.
pub const RELEASE_RETRY_EVERY: Duration = Duration::from_millis(50);
/// How long a request to step down waits for the end of the role, and for the next leader.
pub const STEP_DOWN_MAX: Duration = Duration::from_secs(5);
/// How long a member that has stepped down lets the others campaign first: several times what they
/// need. If none of them can lead, or all have stepped down one after the other, nobody serves for
/// this time.
pub const STEPPED_DOWN_RESTS: Duration = Duration::from_secs(2);
/// How long a member that won an election and could not take over lets the others campaign first.
/// Short, because it may be the only one.
pub const NOT_TAKEN_OVER_RESTS: Duration = Duration::from_millis(500);
/// How long a request waits at a member that knows no leader and has lost the store. The same for
/// the secret of the cluster.
pub const LEADER_WAIT: Duration = Duration::from_millis(500);
/// How long a request waits for an election at a member that still has the store: a crash of the
/// leader takes the rest of its lease and a moment.
pub const ELECTION_WAIT: Duration = TAKEOVER_MAX;
/// A member whose store has answered within this time has not lost it.
pub const IN_TOUCH: Duration = Duration::from_secs(1);
/// Streams of requests that are passed on over one connection: fewer than a server allows by
/// default.
pub const MEMBER_STREAMS_PER_CONNECTION: usize = 100;
/// Connections of a member to the leader, at most.
pub const MEMBER_CONNECTIONS_MAX: usize = 64;
/// Bytes of one answer that a member holds for a client which does not read it.
pub const MEMBER_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same of a connection: as many as HTTP/2 allows, so that no answer waits for another.
pub const MEMBER_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// Time after which a quiet connection to the leader is checked, and how long that may take. A
/// leader that this member cannot reach is lost before its lease would have ended.
pub const MEMBER_KEEPALIVE: Duration = Duration::from_millis(1_200);
/// Bytes of the headers and trailers of an answer of the leader.
pub const MEMBER_HEADER_BYTES_MAX: u32 = 32 * 1024;
/// How long an append waits at first where the store cannot be reached. Most often only its
/// connection has ended. Each further wait is twice as long.
pub const STORE_RETRY_FIRST: Duration = Duration::from_millis(50);
/// The longest such wait: a take-over of a database takes seconds.
pub const STORE_RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long a member that starts waits for the name of its database: containers get theirs when they
/// start, in any order. A name that is wrong is found out then.
pub const STORE_HOST_WAIT: Duration = Duration::from_secs(60);
/// People in one list of those who are away.
pub const AWAY_LISTED_MAX: usize = 1_000;
/// Saved views in one list with their counts. One walk counts all of them.
pub const VIEWS_LISTED_MAX: usize = 200;
/// Commands that wait for the ledger where the configuration names nothing: at 30,000 a second this
/// is half a second. More are refused at once, and new work when half of the places are taken: twice
/// what one identity may have in flight.
pub const COMMANDS_WAITING_MAX: u32 = 16_384;
/// Orders of operations that wait for the ledger.
pub const ORDERS_WAITING_MAX: usize = 16;
/// Entries of a group that the ledger's thread appends itself if nothing waits behind it. Under
/// load a group has more, and the next one is decided while the writer's thread syncs it.
pub const APPENDED_HERE_ENTRIES_MAX: usize = 2;
/// The most entries of a group whose old root the owner drops on its own thread. To wake the other
/// thread costs more than to drop so little.
pub const DROPPED_HERE_ENTRIES_MAX: usize = 4;
/// Timers that fire between two looks at the commands that wait, in a third of a millisecond: a
/// million due ones must not keep people waiting.
pub const TIMERS_AT_ONCE: usize = 32;
/// Timers that fire within one group: about as many as are decided while the group before is written.
pub const TIMERS_PER_GROUP: usize = 256;
/// Timers that fire within one group while callers wait for it or for the one before. Such a group
/// reaches the disk about as fast as one without timers.
pub const TIMERS_BESIDE_COMMANDS: usize = 64;
/// How far the wall clock may jump against the monotonic clock before it is not believed.
pub const CLOCK_JUMP_MAX: Duration = Duration::from_secs(5 * 60);
/// How far the wall clock may be ahead at a start, beyond the time that is known to have passed,
/// where the configuration names nothing: as long as a restart of a machine takes at the worst.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(3_600);
/// The first hours of a process. A time service may still correct the wall clock, and nothing that
/// has outlived its retention is removed: a wrong clock is found out meanwhile.
pub const PROCESS_SETTLES: Duration = Duration::from_secs(3 * 3_600);
/// How often a sign of life is written: at a start, what came after it is not known.
pub const LAST_SEEN_EVERY: Duration = Duration::from_secs(60);
/// How often the free space of the disk is looked at.
pub const DISK_LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a timer or a step of a job waits after it was refused for the first time; each time
/// twice as long.
pub const REFUSED_WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait after a refusal.
pub const REFUSED_WAIT_MAX: Duration = Duration::from_secs(600);
/// Of the archive, the share (one of so many) that one pass of removing takes away at most without
/// a confirmation.
pub const PURGE_SHARE: u64 = 10;
/// What one pass may remove in any case: a small archive would otherwise never be rid of anything.
pub const PURGE_FLOOR: u64 = 100;
/// Calls and instances that a purge looks up in one pass over the archive: with those that are
/// found some 40 MB. A million entries of the history are about as many.
pub const PURGE_WINDOW_KEYS: usize = 500_000;
/// Threads for the files that the keeper works on: it uses two at a time, the signs of life and the
/// look at the disk one each.
pub const UPKEEP_FILE_THREADS: usize = 8;
/// How long a confirmation of a purge counts, in milliseconds: a pass may have to wait for the
/// first hours of a process, and what was looked at a day ago is not what waits now.
pub const PURGE_CONFIRMED_MILLIS: i64 = 24 * 3_600_000;
/// How old the newest entry of a backup may be for its restore to take the wall clock as the time:
/// an older backup is less likely than a wrong clock.
pub const RESTORE_AHEAD_MAX: Duration = Duration::from_secs(31 * 86_400);
/// How often the wall clock is looked at: nothing wakes us when people set it, or when the machine
/// resumes.
pub const CLOCK_LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long commands are refused after the disk was found full, before it is tried again.
pub const NO_SPACE_PAUSE: Duration = Duration::from_secs(5);
/// How often the World is rebuilt in vain before writing ends.
pub const RECOVERIES_MAX: usize = 3;

/// Entries that the feed holds in memory: some seconds at the highest rate, so that alerters never
/// read the journal.
pub const FEED_RING_ENTRIES: usize = 32_768;
/// Bytes in the journal of the entries that the feed holds: ten times what usual ones come to;
/// large drafts push others out.
pub const FEED_RING_BYTES: usize = 64 << 20;
/// Groups that are held after one entry of them was read: usually some 40 KiB each in the journal,
/// 32 MiB together at most.
pub const FEED_GROUPS_HELD: usize = 8;
/// Bytes that one read of the journal gives the feed.
pub const FEED_READ_BYTES: usize = 1 << 20;
/// Entries that the feed has at hand for one of its streams.
pub const FEED_BATCH_ENTRIES: usize = 256;
/// Bytes of one response of the feed, of a snapshot and of the tail: far more than usual follow-ups
/// need, so that these are few. One larger change is alone in its response.
pub const FEED_MESSAGE_BYTES: usize = 1 << 20;
/// Bytes of a follow-up as the API shows it, and of a change with it, at most: 64 fields and 50
/// alerts of the longest texts, the buttons of a stage with their forms, and what a script or a
/// person filled in. A test makes the largest.
pub const FOLLOW_UP_BYTES_MAX: usize = 3 << 20;
/// How long a client of the feed may take nothing before it loses its place.
pub const FEED_STALL: Duration = Duration::from_secs(30);
/// Later changes of an instance that the feed reads to find how an entry left it, where its call has
/// changed since. An alerter that is far behind reads many entries of a busy instance.
pub const LATER_CHANGES_READ_MAX: usize = 256;
/// How long a reader of the feed waits for an entry that is durable and that this process has not
/// read yet. A follower is behind for milliseconds.
pub const FEED_BEHIND_PATIENCE: Duration = Duration::from_secs(1);
/// How long the feed may be silent before it says that it is still there.
pub const FEED_HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a member may be without an answer of the store before its feed ends. Longer than a
/// take-over, so that alerters move only away from a member that alone has lost the store.
pub const OUT_OF_TOUCH: Duration = Duration::from_secs(6);
/// Alerters and others that follow the feed at once. Where all places are taken, a new stream takes
/// one of the address that has most of them.
pub const FEED_STREAMS_MAX: usize = 64;
/// Streams of the feed on one connection: an alerter has a snapshot and a tail, and those of a
/// moment ago.
pub const FEED_STREAMS_PER_CONNECTION_MAX: usize = 4;

/// Bytes that one read of the journal gives at start.
pub const RECOVERY_READ_BYTES: usize = 8 << 20;
/// Entries between snapshots where the configuration names none: about two seconds of replay.
pub const SNAPSHOT_EVERY_ENTRIES: u64 = 200_000;
/// Of the records in a World, the share (one of so many) that is written as entries before the next
/// snapshot, where that is more than the setting.
pub const SNAPSHOT_SHARE: u64 = 8;
/// Entries that stay in the journal behind the older of the two snapshots, for alerters that come
/// back.
pub const JOURNAL_KEPT_ENTRIES: u64 = 100_000;
/// Snapshots that are kept: the newest, and one before it.
pub const SNAPSHOTS_KEPT: usize = 2;
/// Calls in one chunk of the archive, or instances: few chunks to look into, and a pause of the
/// ledger that nobody notices.
pub const ARCHIVE_CHUNK_CALLS: usize = 4_096;
/// What may leave memory waits so many times the usual for more to fill its chunk: a day where the
/// usual is an hour.
pub const ARCHIVE_WAITS: i64 = 24;
/// How often is looked for what may leave memory, at most: a walk over every call in memory.
pub const ARCHIVE_LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same where little is to be waited for.
pub const ARCHIVE_LOOK_EVERY_MIN: Duration = Duration::from_millis(100);
/// Contents of chunks that are held once they have been read: a list continues where it was.
pub const ARCHIVE_CONTENTS_HELD: usize = 8;
/// How often a reader of the archive looks again for a chunk that was rewritten.
pub const ARCHIVE_LOOKS_MAX: usize = 8;
/// Archived instances that are read for one page of a list: some seconds at the worst.
pub const ARCHIVE_READ_MAX: usize = 2_000;
/// How long ended instances stay in memory where the configuration names nothing: longer than
/// anybody undoes a push.
pub const ARCHIVE_AFTER_SECONDS: u32 = 3_600;
/// Files of the history that one entry adds to their list, where the list was not complete at a
/// start: about 20 KB.
pub const ADOPTED_CHUNKS_MAX: usize = 1_000;
/// Entries in one frame of packed history: what one look into the past has to unpack.
pub const HISTORY_FRAME_ENTRIES: usize = 128;
/// Bytes that one read of the journal gives the packing of history.
pub const PACK_READ_BYTES: usize = 1 << 20;

/// Bytes of one request of an author where the configuration names none: four times the largest
/// definition file, so that one that is too large is still named. Other requests have 1 MiB, twice
/// what 64 fields and 64 details of the longest texts take.
pub const IMPORT_BYTES_MAX: u32 = 4 << 20;
/// Bytes of one request for the feed, which holds a sequence and an epoch.
pub const FEED_REQUEST_BYTES_MAX: usize = 4 << 10;
/// Rows of a page where the request names none.
pub const PAGE_ROWS_DEFAULT: usize = 100;
/// Rows of a page at most; asking for more counts as this.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Reads of operations and large pages that wait for a thread: a crowd of dashboards; more are
/// refused at once. Each answer has up to 1 MiB, and a connection's unread answers are counted only
/// once they are made: no more than these come on top.
pub const READS_WAITING_MAX: usize = 64;
/// Reads of desks that wait for a thread: a thousand people who open their lists in the same
/// second, at a millisecond a list. What waits is a request; its answer has some hundred kilobytes
/// at most.
pub const DESK_READS_WAITING_MAX: usize = 1_024;
/// How long a read may run: a count over four million instances takes two seconds. It is shorter
/// than the time of a request, so that the client reads to ask for less.
pub const READ_TIME_MAX: Duration = Duration::from_secs(9);
/// Rows that a search for the next follow-up looks at before it moves to a thread for reads, in
/// half a millisecond.
pub const ROWS_AT_ONCE: usize = 2_048;
/// Rows of a page of the Call Manager up to which it is what a person at a desk waits for. Larger
/// ones are made among the reads of operations, so that a crowd of dashboards does not keep desks
/// waiting.
pub const DESK_PAGE_ROWS_MAX: usize = 100;
/// Follow-ups of a call or caller that are shown by the thread that serves the request: as many as
/// nearly all have.
pub const FOLLOW_UPS_AT_ONCE: usize = 16;
/// Pictures that are laid out at once: the library cannot be interrupted.
pub const PICTURES_AT_ONCE: usize = 1;
/// Pictures that wait: each takes half a second at most.
pub const PICTURES_WAITING_MAX: usize = 8;
/// Results of searches for the next follow-up that are kept, one for each filter: as many lists as
/// people work at.
pub const SEARCHES_KEPT: usize = 256;
/// How long such a result is brought up to date before it is searched again.
pub const SEARCH_KEPT_FOR: Duration = Duration::from_secs(60);
/// How often a claim of the next follow-up tries again where others were faster: with the
/// candidates of each try, a thousand people at one list in the same moment.
pub const CLAIM_TRIES: usize = 16;
/// Bytes of the rows of a page: with the first row, which goes in however large it is, a page stays
/// below the 4 MiB that gRPC clients read by default.
pub const PAGE_BYTES_MAX: usize = 1 << 20;
/// Notes that come with a follow-up.
pub const NOTES_SHOWN_MAX: usize = 100;
/// Groups of a count.
pub const GROUPS_MAX: usize = 10_000;
/// Entries that are looked at to list the history of one call or instance.
pub const HISTORY_WALK_MAX: usize = 100_000;
/// Steps of the trails that are kept: sixteen bytes each, so 16 MB. They are those of a hundred
/// thousand usual follow-ups.
pub const TRAILS_KEPT_STEPS: usize = 1_000_000;
/// How long the request for an erasure waits for its end: half the time of a long request.
pub const ERASURE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Changes of an instance that are looked at for somebody's work, before a script takes it back.
pub const WORK_WALK_MAX: usize = 1_000;
/// Changes since a push that are looked at before it is undone: what timers and calls do in the
/// minutes that an undo is allowed.
pub const UNDO_WALK_MAX: usize = 100;
/// Changes that are walked back to what a first answer showed: far more than there are between a
/// request and its repetition.
pub const FIRST_ANSWER_WALK_MAX: usize = 1_000;
/// Characters of a request id.
pub const REQUEST_ID_CHARS_MAX: usize = 128;
/// Follow-ups that one request hands over: a shift's work of one person, many times over.
pub const HAND_OVER_MAX: usize = 1_000;
/// Characters of a request id for a hand-over: with an instance's id behind it, it must stay a
/// request id.
pub const HAND_OVER_REQUEST_ID_CHARS_MAX: usize = 64;
/// Of these, how many are under way at once: a group's worth, so that others are not kept waiting.
pub const HAND_OVER_AT_ONCE: usize = 64;

// A leader may miss one renewal, and a request to renew ends before the certainty does.
const _: () = assert!(
    RENEW_EVERY.as_millis() + RENEW_MAX.as_millis() <= LEASE.as_millis() - LEASE_MARGIN.as_millis()
);
// A request to step down waits for the whole end of the role.
const _: () = assert!(
    DRAIN_OF_LEADER_MAX.as_millis() + LEDGER_END_MAX.as_millis() + RELEASE_MAX.as_millis()
        < STEP_DOWN_MAX.as_millis()
);
// The promise of a take-over, without what the machine and the database need. Also if the leader's
// last renewal was carried out and its answer lost, or the answer to the first campaign.
const _: () = assert!(
    LEASE.as_millis()
        + REPORT_EVERY_MIN.as_millis()
        + CAMPAIGN_SPREAD.as_millis()
        + RENEW_EVERY.as_millis()
        < TAKEOVER_MAX.as_millis()
);
const _: () = assert!(
    LEASE.as_millis()
        + REPORT_EVERY_MIN.as_millis()
        + 2 * CAMPAIGN_SPREAD.as_millis()
        + CAMPAIGN_MAX.as_millis()
        + REPORT_EVERY.as_millis()
        < TAKEOVER_MAX.as_millis()
);
// A response holds a large change alone, with a usual one before it where that was split.
const _: () =
    assert!(FEED_MESSAGE_BYTES + FOLLOW_UP_BYTES_MAX <= aftercall_serving::FEED_MESSAGE_BYTES_MAX);
const _: () = assert!(PAGE_ROWS_DEFAULT <= PAGE_ROWS_MAX);
const _: () = assert!(PAGE_BYTES_MAX < FOLLOW_UP_BYTES_MAX && FOLLOW_UP_BYTES_MAX < 4 << 20);
/// Open follow-ups that an agent is shown at once: more than anybody reads out.
pub const OPEN_FOLLOW_UPS_SHOWN_MAX: usize = 100;
/// Calls of one caller that are shown at once.
pub const CALLS_SHOWN_MAX: usize = 100;
/// The longest period of which one answer shows what a person did: two days.
pub const DAY_PERIOD_MILLIS_MAX: i64 = 2 * 86_400_000;
/// Entries that one answer about a person's day reads: they take about a second.
pub const DAY_ENTRIES_MAX: u64 = 200_000;
/// Items of such an answer.
pub const DAY_ITEMS_MAX: usize = 1_000;
/// Reports that run at once: each reads the history of its period.
pub const REPORTS_RUNNING_MAX: usize = 2;
/// Entries that a report reads at once, between two words on how far it is.
pub const REPORT_READ_ENTRIES: usize = 1_000;
/// Parts of a report that wait for their client.
pub const REPORT_PARTS_WAITING: usize = 16;
/// Steps of a simulation: a long day's work on one call.
pub const SIMULATION_STEPS_MAX: usize = 1_000;
/// Bytes of the states that a simulation gives: with the last one they stay below the 4 MiB that
/// clients read.
pub const SIMULATION_BYTES_MAX: usize = 3 << 20;

/// Backups that run at once: each reads everything there is.
pub const BACKUPS_RUNNING_MAX: usize = 1;
/// Backups of which is remembered up to where they went: an incremental one may follow on any of
/// them.
pub const BACKUPS_NOTED_MAX: usize = 64;
/// Bytes of one piece of a backup: any gRPC client takes it.
pub const BACKUP_PIECE_BYTES: usize = 1 << 20;
/// Pieces of a backup that wait for their client.
pub const BACKUP_PARTS_WAITING: usize = 4;
/// Entries in one file of a backup's journal, some 50 MB: how much is sent again at most where the
/// journal was trimmed.
pub const BACKUP_JOURNAL_FILE_ENTRIES: u64 = 100_000;
/// Bytes that one read of the journal gives a backup.
pub const BACKUP_READ_BYTES: usize = 1 << 20;
/// How long a backup may take: erasures, retention and trimming wait for it. 360 GB at 100 MB/s.
pub const BACKUP_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How long a backup waits for a client that takes nothing.
pub const BACKUP_STALL_MAX: Duration = Duration::from_secs(60);
/// How long a backup waits for its turn, while the keeper is busy.
pub const BACKUP_TURN_MAX: Duration = Duration::from_secs(600);
/// Names of files that a client may say it has: more than a store of 100 GB has, and within the
/// size of a request.
pub const BACKUP_NAMES_MAX: usize = 50_000;
/// Characters of such a name.
pub const BACKUP_NAME_CHARS_MAX: usize = 128;

/// The entries whose rows one write to the tables for SQL has at most. More would make one
/// statement long, and less would cost more commits.
pub const TABLES_ENTRIES: usize = 512;

/// How long the tables for SQL wait for more rows while there are few. They are then about a second
/// behind.
pub const TABLES_EVERY: Duration = Duration::from_millis(500);

/// How long an idle writer of the tables for SQL waits before it looks at their position, because
/// they may have been emptied. It finds that within a second.
pub const TABLES_LOOK_EVERY: Duration = Duration::from_millis(500);

/// Entries that come while the tables for SQL are written once, from which on this is a burst: with
/// writes of 20 ms some 6,000 in a second.
pub const TABLES_BUSY_ENTRIES: u64 = 128;

/// How many times as long as a write the tables for SQL wait after it in a burst.
pub const TABLES_PAUSE_FACTOR: u32 = 3;

/// How old the oldest entry may be that the tables for SQL do not show. Then they wait no more.
pub const TABLES_BEHIND_MAX: Duration = Duration::from_secs(10);

/// The pause before the tables for SQL are tried again after an error.
pub const TABLES_RETRY: Duration = Duration::from_secs(2);
