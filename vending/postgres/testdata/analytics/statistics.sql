-- Regression, correlation and deviation.
SELECT l_returnflag, corr(l_quantity, l_extendedprice) AS corr, regr_slope(l_extendedprice, l_quantity) AS slope, regr_r2(l_extendedprice, l_quantity) AS r2,
       stddev_samp(l_discount) AS deviation, var_pop(l_tax) AS variance, covar_pop(l_tax, l_discount) AS covariance
FROM tpch.lineitem
GROUP BY l_returnflag
ORDER BY l_returnflag;
