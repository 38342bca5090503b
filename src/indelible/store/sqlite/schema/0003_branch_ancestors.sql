-- A branch whose run was forked off another begins with events of other branches: in the order of end_event_id,
-- each ancestor has the events from the end of the one before it up to its own end. The branch's own batches begin
-- at the last end. Ancestors of ancestors are listed here, too, so that no chain of runs has to be followed.
--
-- The batches of a deleted run stay as long as a row names its branch.

CREATE TABLE branch_ancestors (
    branch_id INTEGER NOT NULL,
    end_event_id INTEGER NOT NULL,
    ancestor_branch_id INTEGER NOT NULL,
    PRIMARY KEY (branch_id, end_event_id)
) WITHOUT ROWID;

CREATE INDEX branch_ancestors_by_ancestor ON branch_ancestors (ancestor_branch_id);
