-- The strictest policy of anybody's is looked for by each attempt while no directory has told its own: it is the first of an
-- index, however many people there are.
CREATE INDEX throttle_people_thresholds ON throttle_people (threshold) WHERE threshold > 0;
CREATE INDEX throttle_people_windows ON throttle_people (window_ms) WHERE threshold > 0;
