-- Who was added to a segment or removed from it by hand.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS segments_added Array(UInt64);

-- statement
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS segments_removed Array(UInt64);

-- statement
-- Rows from before the column have their refusals from the document, folded as the writer does: what was said before the
-- contact became contactable again does not count, and of several reasons the strictest.
ALTER TABLE contacts MODIFY COLUMN dnc Array(LowCardinality(String)) DEFAULT arrayMap(
    said -> arrayMap(
        standing -> arrayMap(
            channel -> concat(
                channel,
                ':',
                toString(arrayMin(arrayMap(one -> one.2, arrayFilter(one -> one.1 = channel, standing))))
            ),
            arraySort(arrayDistinct(arrayMap(one -> one.1, standing)))
        ),
        [arrayFilter(
            one -> one.2 > 0 AND NOT arrayExists(other -> other.1 = one.1 AND other.2 = 0 AND other.3 >= one.3, said),
            said
        )]
    )[1],
    [arrayFlatten(arrayMap(
        part -> arrayMap((channel, entry) -> (channel, entry.1, entry.4), mapKeys(part), mapValues(part)),
        arrayPushBack(
            arrayMap(
                loser -> loser.1,
                mapValues(JSONExtract(
                    profile,
                    'losers',
                    'Map(String, Tuple(dnc Map(String, Tuple(UInt8, String, UInt64, UInt64))))'
                ))
            ),
            JSONExtract(profile, 'own', 'dnc', 'Map(String, Tuple(UInt8, String, UInt64, UInt64))')
        )
    ))]
)[1];

-- statement
ALTER TABLE contacts MATERIALIZE COLUMN dnc;
