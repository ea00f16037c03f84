-- The companies that a contact is a member of, the first one first.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS companies Array(UInt64);

-- statement
-- Rows from before the column have what their own part says; what a merged contact brought along comes with the next write.
ALTER TABLE contacts UPDATE companies = arrayMap(
    pair -> toUInt64(pair.1),
    arrayFilter(
        pair -> pair.2.1,
        arrayZip(
            mapKeys(JSONExtract(profile, 'own', 'companies', 'Map(String, Tuple(Bool, UInt64))')),
            mapValues(JSONExtract(profile, 'own', 'companies', 'Map(String, Tuple(Bool, UInt64))'))
        )
    )
)
WHERE is_deleted = 0 AND empty(companies) AND JSONLength(profile, 'own', 'companies') > 0;
