-- Which registers `bandoso setup` draws anew: those whose areas share borders, where there are any.
INSERT INTO ops.setting (name, value)
SELECT 'redraw', string_agg(drawn.register, ',')
FROM (
    SELECT 'communes' AS register WHERE EXISTS (SELECT FROM reg.communes_tile WHERE geom IS NOT NULL)
    UNION ALL SELECT 'provinces' WHERE EXISTS (SELECT FROM reg.provinces_tile WHERE geom IS NOT NULL)
    UNION ALL SELECT 'villages' WHERE EXISTS (SELECT FROM reg.villages_tile WHERE geom IS NOT NULL)
) drawn
HAVING count(*) > 0;
